"""Which session a command runs in: the one whose Aider started it, as `!lodestar ...` does."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping

VARIABLE = "LODESTAR_SESSION"
TOKEN = "LITELLM_PROXY_API_KEY"
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def running_session(environ: Mapping[str, str]) -> str | None:
    """The id of that session, None outside of one."""
    found = environ.get(VARIABLE, "")
    return found if _ID.fullmatch(found) else None


def forget_token(environ: MutableMapping[str, str]) -> None:
    """In a session, take away what stands for provider keys there: Aider's token for the shim.

    It would be sent to a provider as if it were the user's key.
    """
    token = environ.get(TOKEN)
    if running_session(environ) and token:
        for name in [name for name, value in environ.items() if value == token]:
            del environ[name]
