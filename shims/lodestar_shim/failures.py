"""What the user reads when no route could answer, or another one than was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodestar.engine_models import NAME, packaged_names
from lodestar.exchange import Route
from lodestar.hookspecs import Refused
from lodestar_shim.errors import ShimError, for_user, harmless, quote
from lodestar_shim.upstream import UNREACHABLE, UpstreamError

_BROKEN_FILE = frozenset({"model_not_found", "bad_model_file", "checksum_mismatch"})
_CONTEXT_WORDS = ("maximum context length", "context_length_exceeded", "context window")
_WINDOWS = {
    "call": "limit of one call",
    "session": "session limit",
    "day": "daily limit",
    "week": "weekly limit",
    "month": "monthly limit",
}
Step = tuple[Route, UpstreamError | Refused]
"""A route that was asked, and why it did not answer."""
DETAILS = ("limit", "spent", "held", "unit", "window", "resets_at")


def unanswered(
    trail: Sequence[Step],
    refusal: Refused | None = None,
    ways: Sequence[str] = (),
    free: str | None = None,
) -> ShimError:
    """No route answered: what came first is what the user must know.

    `trail` is what failed and who refused, in order, and `refusal` the first no. `ways` are lines
    on routes that need the user's word; `free` is a free model that was not asked.
    """
    steps = _by_route(trail)
    failed = [(route, error) for route, error in steps if isinstance(error, UpstreamError)]
    if refusal is not None and not (failed and isinstance(trail[0][1], UpstreamError)):
        return _refused(refusal, failed, free)
    if not failed:
        return ShimError("no route is left", "no_route")
    return _failed(steps, failed, refusal, ways, free)


def reason(error: Refused) -> str:
    """Why another route was taken, as the log keeps it."""
    window = _WINDOWS.get(str(error.details.get("window")))
    return f"budget: {window}" if window else f"refused: {error.limit_source}"


def answered_instead(error: Refused, route: Route) -> str:
    """The notice of an answer that came from another model than the one asked for."""
    return f"{error}; answered for free by {_name(route)}; more: {error.remedy}"


def served_instead(usual: str, trail: Sequence[Step], route: Route) -> str:
    """The notice of an answer that came from another model, though no limit was in the way."""
    failed = next((e for r, e in trail if r.alias == usual and isinstance(e, UpstreamError)), None)
    price = "for money" if route.entry.paid else "for free"
    why = f"; `{usual}` did not answer: {_short(failed)}" if failed else ""
    return f"{_name(route)} answered, {price} ({route.reason}){why}"


def stopped(error: Refused) -> str:
    """Why the session ends."""
    return f"{error}; the session ends here, nothing is lost."


def _refused(
    refusal: Refused, failed: Sequence[tuple[Route, UpstreamError]], free: str | None
) -> ShimError:
    """A gate's no, in the envelope that Aider shows once."""
    escalation = refusal.limit_source.startswith("routing.")
    lines = [f"Lodestar stopped this request: {quote(str(refusal))}"]
    for route, error in failed:
        which = "" if route.entry.paid else ", which is free,"
        lines.append(f"{_name(route)}{which} could not take it: {_short(error)}")
    if resets := refusal.details.get("resets_at"):
        lines.append(f"there is room again from {quote(str(resets)[:16].replace('T', ' '))}")
    lines.append(quote(refusal.remedy))
    if free and not failed and not escalation:
        lines.append(f"or go on for free: /model {free}")
    code = "escalation_refused" if escalation else "budget_exceeded"
    return ShimError(for_user(*lines), code, extra=_details(refusal))


def _details(refusal: Refused) -> dict[str, Any]:
    extra: dict[str, Any] = {"limit_source": refusal.limit_source, "remedy": refusal.remedy}
    extra |= {name: refusal.details[name] for name in DETAILS if name in refusal.details}
    return harmless(extra)


def _failed(
    steps: Sequence[Step],
    failed: Sequence[tuple[Route, UpstreamError]],
    refusal: Refused | None,
    ways: Sequence[str],
    free: str | None,
) -> ShimError:
    """What brought nothing, the model that was asked for first."""
    (route, error), others = failed[0], steps[1:]
    if all(is_too_long(problem) for _, problem in failed) and not ways:
        # Aider knows these words: it shows its own help on the context window, once.
        return ShimError(quote(str(error)), "context_length_exceeded")
    lines = [f"Lodestar got no answer from {_name(route)}", _short(error)]
    lines += [_other(other, problem) for other, problem in others]
    lines += ways
    code, do = "upstream_failed", _remedy(route, error, free)
    if error.status in (401, 403):
        lines[1] = f"its server refused the key: {quote(str(error))}"
        code, do = "upstream_credentials", f"check {route.entry.key_env or 'its key'}"
    lines.append(do)
    if refusal:
        lines.append(f"or {quote(refusal.remedy)}")
    return ShimError(for_user(*lines), code, extra=_details(refusal) if refusal else None)


def _other(route: Route, problem: UpstreamError | Refused) -> str:
    if isinstance(problem, Refused):
        return f"{_name(route)} was not asked instead: {quote(str(problem))}"
    return f"nor from {_name(route)}: {_short(problem)}"


def _by_route(trail: Sequence[Step]) -> list[Step]:
    """The last step of each route, in the order in which they were first asked."""
    return list({route.alias: (route, error) for route, error in trail}.values())


def _name(route: Route) -> str:
    return f"`{route.alias}`" + (f" ({route.entry.label})" if route.entry.label else "")


def _short(error: UpstreamError) -> str:
    """What went wrong; not in the words that Aider takes for a full context window."""
    if is_too_long(error):
        return "the chat is too long for it; take files out: /drop"
    if error.status == 429:
        return f"it is busy: {quote(str(error))}"
    status = f"HTTP {error.status}: " if error.status and error.status != 200 else ""
    return status + quote(str(error))


def is_too_long(error: UpstreamError) -> bool:
    """Whether the upstream says that the chat does not fit its model."""
    text = str(error).lower()
    return error.code == "context_length_exceeded" or any(w in text for w in _CONTEXT_WORDS)


def _remedy(route: Route, error: UpstreamError, free: str | None) -> str:
    code = error.code if isinstance(error.code, str) else None
    if route.entry.provider == "engine":
        model = route.entry.model
        if code in _BROKEN_FILE and model in packaged_names():
            return "it comes with Lodestar: install Lodestar again"
        # An adapter, which is behind an @, is not imported.
        if code in _BROKEN_FILE and NAME.match(model):
            return f"import the file again: lodestar models import FILE --name {model} --yes"
        return "send it again; if it stays, see logs/engine.log in Lodestar's home"
    again = "send it again"
    if route.entry.provider == "ollama" and error.status == 404:
        again = f"where Ollama runs: ollama pull {quote(route.entry.model)}"
    if code == UNREACHABLE and not route.entry.paid:
        again = "start Ollama" if route.entry.provider == "ollama" else "start its server"
    return f"{again}, or go on for free: /model {free}" if free else again
