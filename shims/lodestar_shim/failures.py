"""What the user reads when no route could answer, or another one than was asked for."""

from __future__ import annotations

from typing import Any

from lodestar.engine_models import NAME, packaged_names
from lodestar.exchange import Route
from lodestar.hookspecs import Refused
from lodestar_shim.errors import ShimError, for_user, harmless, quote
from lodestar_shim.upstream import UpstreamError

_BROKEN_FILE = frozenset({"model_not_found", "bad_model_file", "checksum_mismatch"})
_CONTEXT_WORDS = ("maximum context length", "context_length_exceeded", "context window")
_WINDOWS = {
    "call": "limit of one call",
    "session": "session limit",
    "day": "daily limit",
    "week": "weekly limit",
    "month": "monthly limit",
}
DETAILS = ("limit", "spent", "held", "unit", "window", "resets_at")


def unanswered(
    refusal: Refused | None, failed: tuple[Route, UpstreamError] | None, free: bool
) -> ShimError:
    """No route answered: a refusal that came first is what the user must know.

    `free` says whether there is a free model to go on with.
    """
    if refusal is None:
        return _failed(*failed) if failed else ShimError("no route is left", "no_route")
    return _refused(refusal, failed, free)


def reason(error: Refused) -> str:
    """Why another route was taken, as the log keeps it."""
    window = _WINDOWS.get(str(error.details.get("window")))
    return f"budget: {window}" if window else f"refused: {error.limit_source}"


def answered_instead(error: Refused, route: Route) -> str:
    """The notice of an answer that came from another model than the one asked for."""
    return f"{error}; answered for free by {_name(route)}; more: {error.remedy}"


def stopped(error: Refused) -> str:
    """Why the session ends."""
    return f"{error}; the session ends here, nothing is lost."


def _refused(error: Refused, failed: tuple[Route, UpstreamError] | None, free: bool) -> ShimError:
    """A gate's no, in the envelope that Aider shows once."""
    lines = [f"Lodestar stopped this request: {quote(str(error))}"]
    if failed:
        lines.append(f"{_name(failed[0])}, which is free, could not take it: {_short(failed[1])}")
    if resets := error.details.get("resets_at"):
        lines.append(f"there is room again from {quote(str(resets)[:16].replace('T', ' '))}")
    lines.append(quote(error.remedy))
    if free and not failed:
        lines.append("or go on for free: /model local-coder")
    extra: dict[str, Any] = {"limit_source": error.limit_source, "remedy": error.remedy}
    extra |= {name: error.details[name] for name in DETAILS if name in error.details}
    return ShimError(for_user(*lines), "budget_exceeded", extra=harmless(extra))


def _failed(route: Route, error: UpstreamError) -> ShimError:
    """An attempt that brought nothing."""
    text = str(error)
    if _is_too_long(error):
        # Aider knows these words: it shows its own help on the context window, once.
        return ShimError(quote(text), "context_length_exceeded")
    what = f"Lodestar got no answer from {_name(route)}"
    if error.status in (401, 403):
        key = route.entry.key_env or "its key"
        return ShimError(
            for_user(what, f"its server refused the key: {quote(text)}", f"check {key}"),
            "upstream_credentials",
        )
    do = _remedy(route, error.code)
    return ShimError(for_user(what, _short(error), do), "upstream_failed")


def _name(route: Route) -> str:
    return f"`{route.alias}`" + (f" ({route.entry.label})" if route.entry.label else "")


def _short(error: UpstreamError) -> str:
    """What went wrong; not in the words that Aider takes for a full context window."""
    if _is_too_long(error):
        return "the chat is too long for it; take files out: /drop"
    if error.status == 429:
        return f"it is busy: {quote(str(error))}"
    status = f"HTTP {error.status}: " if error.status and error.status != 200 else ""
    return status + quote(str(error))


def _is_too_long(error: UpstreamError) -> bool:
    text = str(error).lower()
    return error.code == "context_length_exceeded" or any(w in text for w in _CONTEXT_WORDS)


def _remedy(route: Route, code: str | None) -> str:
    if route.entry.provider == "engine":
        model = route.entry.model
        if code in _BROKEN_FILE and model in packaged_names():
            return "it comes with Lodestar: install Lodestar again"
        # An adapter, which is behind an @, is not imported.
        if code in _BROKEN_FILE and NAME.match(model):
            return f"import the file again: lodestar models import FILE --name {model} --yes"
        return "send it again; if it stays, see logs/engine.log in Lodestar's home"
    return "send it again, or go on for free: /model local-coder"
