"""What went wrong, told from what was seen on the wire; litellm's own words come last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lodestar_translator.asked import Asked
from lodestar_translator.errors import ApiError
from lodestar_translator.library import Library
from lodestar_translator.wire import NOT_CONNECTED, Call

_TOO_LONG = ("context_length_exceeded", "prompt is too long", "maximum context length")
# An error among the events comes after the provider began to work, and may have billed.
_IN_STREAM = {"overloaded_error": 529, "rate_limit_error": 529, "timeout_error": 504}
CUT = "its answer broke off"
UNREACHABLE = "unreachable"
"""What the shim calls a failure that may be over a moment later, before anything was sent."""


def why(error: BaseException | None, asked: Asked, call: Call, library: Library) -> ApiError:
    """The failure of a call, as an error for the shim."""
    found = _seen(call) or _unseen(error, call, library)
    found.message = asked.clean(found.message)
    found.sent = call.sent
    found.retry_after = call.headers.get("Retry-After")
    if (error and library.is_too_long(error)) or any(w in found.message for w in _TOO_LONG):
        found.code = "context_length_exceeded"
    return found


def _seen(call: Call) -> ApiError | None:
    status = call.status or 0
    if call.failure and status < 400:
        lasting = not call.failure.startswith(NOT_CONNECTED) or "SSL" in call.failure
        code, redirect = None if lasting else UNREACHABLE, status if status >= 300 else None
        return ApiError(call.failure, code=code, status=redirect)
    if status >= 400:
        reported = call.meter.error or {}
        text = reported.get("message") or _start(call.meter.body)
        return ApiError(str(text), *_names(reported), status=status)
    if call.meter.error:
        reported = call.meter.error
        kind, code = _names(reported)
        return ApiError(_message(reported), kind, code, _IN_STREAM.get(kind, 500))
    return None


def _unseen(error: BaseException | None, call: Call, library: Library) -> ApiError:
    """Nothing was wrong on the wire: litellm could not make anything of the request or answer."""
    if call.sent:
        return ApiError("its answer cannot be read" if error else CUT)
    if error and library.is_unsupported(error):
        status = getattr(error, "status_code", None)
        # It quotes the whole prompt behind that.
        text = str(error).partition("Received Messages")[0].removeprefix("litellm.").strip()
        return ApiError(text, "invalid_request_error", None, status or 400)
    return ApiError(f"litellm cannot ask it: {type(error).__name__}")


def _message(reported: Mapping[str, Any]) -> str:
    return str(reported.get("message") or reported.get("type") or "unknown error")


def _names(reported: Mapping[str, Any]) -> tuple[str, str | None]:
    kind = reported.get("type") or reported.get("status") or "api_error"
    code = reported.get("code")
    return str(kind), None if code is None else str(code)


def _start(body: bytes) -> str:
    text = body[:2000].decode("utf-8", "replace").strip()
    try:
        return json.dumps(json.loads(text)) if text else "no explanation"
    except ValueError:
        return text
