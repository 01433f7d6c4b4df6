"""Secrets that this machine is known to hold, and the forms in which a text may carry them."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8
ENV_FILE = ".env"
ENV_FILE_LIMIT = 64 * 1024
ENV_FILE_VALUES = 64
_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)S?(?:_|\Z)")
_PATH_NAME = re.compile(r"_(?:FILE|PATH|DIR)\Z")
_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_]\w{0,127})[ \t]*=[ \t]*(.*)", re.ASCII)
_QUOTED = re.compile(r"(['\"])(.*?)\1")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")


def environment_secrets(environ: Mapping[str, str]) -> set[str]:
    """Values of variables that are named like a key, token, secret or password."""
    return {
        value.strip()
        for name, value in environ.items()
        if _SECRET_NAME.search(name.upper())
        and not _PATH_NAME.search(name.upper())
        and len(value.strip()) >= SHORTEST
    }


def env_file_secrets(folder: Path) -> set[str]:
    """The same of a project's `.env`, which Aider and its programs read; empty without one."""
    try:
        # Opened so that a pipe of that name cannot make us wait.
        handle = os.open(folder / ENV_FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            regular = stat.S_ISREG(os.fstat(handle).st_mode)
            text = file.read(ENV_FILE_LIMIT).decode("utf-8", "replace") if regular else ""
    except OSError:
        return set()
    lines = filter(None, map(_LINE.match, text.splitlines()))
    found = environment_secrets({line[1]: _unquoted(line[2]) for line in lines})
    return set(islice(sorted(found), ENV_FILE_VALUES))


def forms(value: str) -> Iterator[str]:
    """A secret as it stands, and as JSON, a URL, base64 or hexadecimal digits would carry it."""
    yield value
    raw = value.encode("utf-8", "surrogatepass")
    yield from _json_forms(value)
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted
        yield _ESCAPE.sub(lambda match: match[0].lower(), quoted)
    yield raw.hex()
    yield raw.hex().upper()
    # Inside a longer text the encoding depends on the offset; the outer characters vary.
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        last = (offset + len(raw)) * 8 // 6
        core = base64.b64encode(bytes(offset) + raw).decode()[first:last]
        yield core
        yield core.translate(str.maketrans("+/", "-_"))


def _json_forms(value: str) -> Iterator[str]:
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield once.replace("/", "\\/")
        # A JSON text inside a JSON text: the arguments of a tool call.
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value)
    return quoted[2] if quoted else value.partition(" #")[0].strip()
