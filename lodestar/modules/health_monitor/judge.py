"""What the end of a call says: of the server, of the model there, or of neither."""

from __future__ import annotations

from dataclasses import dataclass

from lodestar.paths import KEY_FILE

# The provider is well: it says that this one request is wrong.
REQUEST_AT_FAULT = (400, 413, 422)
# As the shim words it where no answer came, or none that is HTTP. A model that takes too long
# says nothing of its neighbours.
_UNREACHABLE = ("cannot connect", "the connection broke", "its answer is not valid HTTP")
# As the words begin where a key is missing or must not be sent, so that nothing was.
_NEVER_SENT = (
    *("there is no key for `", "the key of `", "the key in $", "the command for the key"),
    "the system's keyring",
)
_KEY_FILE = f"{KEY_FILE} is not used"


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
    why = error or ""
    if why.startswith(_NEVER_SENT) or _KEY_FILE in why:
        return None
    return Verdict(False, False if why.startswith(_UNREACHABLE) else None)
