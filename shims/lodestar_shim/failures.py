"""What the user reads when no route could answer."""

from __future__ import annotations

from lodestar.engine_models import NAME, packaged_names
from lodestar.exchange import Route
from lodestar.hookspecs import Refused
from lodestar_shim.errors import ShimError, for_user, quote
from lodestar_shim.upstream import UpstreamError

_BROKEN_FILE = frozenset({"model_not_found", "bad_model_file", "checksum_mismatch"})
_CONTEXT_WORDS = ("maximum context length", "context_length_exceeded", "context window")


def refused(error: Refused) -> ShimError:
    """A gate's no, in the envelope that Aider shows once."""
    return ShimError(
        for_user(f"Lodestar stopped this request: {quote(str(error))}", "", quote(error.remedy)),
        "budget_exceeded",
        extra={"limit_source": error.limit_source, "remedy": error.remedy},
    )


def failed(route: Route, error: UpstreamError) -> ShimError:
    """An attempt that brought nothing."""
    text = str(error)
    if error.code == "context_length_exceeded" or any(w in text.lower() for w in _CONTEXT_WORDS):
        # Aider knows these words: it shows its own help on the context window, once.
        return ShimError(quote(text), "context_length_exceeded")
    name = f"`{route.alias}`" + (f" ({route.entry.label})" if route.entry.label else "")
    what = f"Lodestar got no answer from {name}"
    if error.status in (401, 403):
        key = route.entry.key_env or "its key"
        return ShimError(
            for_user(what, f"its server refused the key: {quote(text)}", f"check {key}"),
            "upstream_credentials",
        )
    status = f"HTTP {error.status}: " if error.status and error.status != 200 else ""
    if error.status == 429:
        status = "it is busy: "
    do = _remedy(route, error.code)
    return ShimError(for_user(what, status + quote(text), do), "upstream_failed")


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
