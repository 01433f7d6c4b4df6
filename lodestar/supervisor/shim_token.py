"""The API key of the shim that runs alone: kept in a private file, so that it stays the same."""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from lodestar.errors import LodestarError
from lodestar.paths import Home, tighten, write_private

_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,200}")


def token_file(home: Home) -> Path:
    """Where it is kept. Programs may read it from there: one line."""
    return home.root / "shim_token"


def fresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def kept_token(home: Home) -> str:
    """The kept token, made on first use. Raises LodestarError where the file is none."""
    path = token_file(home)
    try:
        text = path.read_text("utf-8", "replace").strip()
    except FileNotFoundError:
        return _made(home)
    tighten(path)
    if not _TOKEN.fullmatch(text):
        raise LodestarError(
            f"{path} holds no token",
            "it must be one line of 40 letters, digits, - and _, or more",
            "make a new one: lodestar shim token --new",
        )
    return text


def new_token(home: Home) -> str:
    """Another token from now on; programs that know the former one are shut out."""
    write_private(token_file(home), (token := fresh_token()) + "\n")
    return token


def own_tokens(home: Home) -> frozenset[str]:
    """The API keys of the shims of this home: no provider is to see one."""
    files = [token_file(home), *(home.root / "run").glob("shim-*.json")]
    return frozenset(filter(None, map(_token_in, files)))


def _token_in(path: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        text = path.read_text("utf-8", "replace")
        return str(json.loads(text)["token"]) if path.suffix == ".json" else text.strip()
    return None


def _made(home: Home) -> str:
    """The first one. Two programs may make it at once: a link is made once, and read by both."""
    draft = home.root / f".shim_token.{os.getpid()}"
    write_private(draft, fresh_token() + "\n")
    with suppress(FileExistsError):
        os.link(draft, token_file(home))
    draft.unlink()
    return token_file(home).read_text("ascii").strip()
