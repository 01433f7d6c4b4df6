"""What the end of a call says: of the server, of the model there, or of neither."""

from __future__ import annotations

from dataclasses import dataclass

# The provider is well: it says that this one request is wrong.
REQUEST_AT_FAULT = (400, 413, 422)
# As the shim words it where no answer came, or none that is HTTP. A model that takes too long
# says nothing of its neighbours, and a key that is missing nothing of the server.
_UNREACHABLE = ("cannot connect", "the connection broke", "its answer is not valid HTTP")


@dataclass(frozen=True)
class Verdict:
    """Whether a call went well; None for the server where it tells nothing of it."""

    model: bool
    server: bool | None


def verdict(status: str, http_status: int | None, error: str | None) -> Verdict | None:
    """The verdict of an attempt; None for one that we ended, or that never was one."""
    if status not in ("ok", "error"):
        return None
    if status == "ok" or http_status in REQUEST_AT_FAULT:
        return Verdict(True, True)
    if http_status is not None:
        # It was there to say no.
        return Verdict(False, True)
    return Verdict(False, False if (error or "").startswith(_UNREACHABLE) else None)
