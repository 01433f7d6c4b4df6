"""An archive for those who help: what is installed, set and wrong, without keys and prompts."""

from __future__ import annotations

import io
import json
import os
import platform
import sqlite3
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lodestar import __version__
from lodestar.doctor import log_shape
from lodestar.doctor.check import Finding
from lodestar.known_secrets import environment_secrets
from lodestar.loading import Context
from lodestar.redaction import Redactor
from lodestar.store.migrations import MigrationSet
from lodestar.store.status import status as database_status

LEFT_OUT = (
    "Left out: keys and tokens, prompts and answers, Aider's histories, comments, the database,\n"
    "names of projects, folders, branches and tags, what providers and logs say in words.\n"
)
_PRIVATE = frozenset(
    {"project", "root", "folder", "branch", "url", "path", "token", "last_error", "error",
     "problem", "flags", "note", "tag"}
)  # fmt: skip
"""What is somebody's own words, or says where somebody works."""
_SAFE_TEXTS = frozenset(
    {"profile", "timezone", "main", "weak", "editor", "provider", "model", "billing", "on_limit",
     "price_date", "price_source", "key_env", "escalate", "text", "label", "edit_format"}
)  # fmt: skip
"""Settings whose values are names or choices; any other text is only said to be there."""


@dataclass(frozen=True)
class Entry:
    """One file of the archive, and what it is, in a line."""

    name: str
    about: str
    text: str


def entries(
    context: Context,
    findings: Sequence[Finding],
    status: Mapping[str, Any],
    sets: Sequence[MigrationSet],
    environ: Mapping[str, str] = os.environ,
) -> list[Entry]:
    """What the archive is made of; it can be read before it is written."""
    clean = Redactor(environment_secrets(environ))
    found = [
        Entry("doctor.json", "what the doctor found", _json([_finding(f) for f in findings])),
        Entry("status.json", "what runs", _json(_status(status))),
        Entry("versions.json", "Python, system, packages", _json(_versions())),
        Entry("settings.json", "settings in force, texts masked", _json(_settings(context))),
        Entry("database.json", "sizes and numbers of rows", _json(_database(context, sets))),
    ]
    for log in sorted((context.home.root / "logs").glob("*.log")):
        found.append(Entry(f"logs/{log.name}", "its shape, no words", log_shape.of_file(log)))
    hidden = _hider(context)
    return [Entry(one.name, one.about, clean.text(hidden(one.text))) for one in found]


def listing(found: Iterable[Entry]) -> list[str]:
    """The files by name, size and content, and what is not there."""
    lines = [f"{len(one.text.encode()):>8}  {one.name}: {one.about}" for one in found]
    return [*lines, *LEFT_OUT.splitlines()]


def write(found: Sequence[Entry], target: Path) -> None:
    """Write the archive, readable by its owner only. Raises OSError where there is one already."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", "\n".join(listing(found)) + "\n")
        for one in found:
            archive.writestr(one.name, one.text)
    handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data.getvalue())


def _hider(context: Context) -> Any:
    """Takes out where somebody works and who he is, wherever it stands."""
    found = {str(context.home.root): "[home]", str(context.project.root): "[project]",
             str(Path.home()): "~"}  # fmt: skip
    ordered = sorted(found.items(), key=lambda pair: -len(pair[0]))

    def hide(text: str) -> str:
        for path, instead in ordered:
            if len(path) > 1:
                text = text.replace(path, instead)
        return text

    return hide


def _finding(one: Finding) -> dict[str, Any]:
    # Why and what to do may quote: a provider, a file of the repository.
    problems = [{"what": log_shape.first_words(p.what), "level": p.level} for p in one.problems]
    subject = one.subject
    return {"subject": subject, "level": one.level, "seconds": one.seconds, "problems": problems}


def _status(status: Mapping[str, Any]) -> dict[str, Any]:
    """The data of each part, without its lines for people."""
    parts = status.items()
    return {name: {"level": p["level"], "data": _masked(p["data"])} for name, p in parts}


def _masked(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {str(k): _masked(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(one, key) for one in value]
    return "[...]" if key in _PRIVATE and isinstance(value, str) else value


def _settings(context: Context) -> Any:
    return _known(context.settings.model_dump(mode="json"))


def _known(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {str(k): _known(v, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_known(one, key) for one in value]
    if not isinstance(value, str) or key in _SAFE_TEXTS or _is_number(value):
        return value
    return _place(value) if key == "api_base" else "[text]"


def _place(url: str) -> str:
    """Where a server is: no name, password, path or query."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "[text]"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _versions() -> dict[str, Any]:
    packages = {str(one.metadata["Name"]): one.version for one in distributions()}
    return {
        "lodestar": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": dict(sorted(packages.items())),
    }


def _database(context: Context, sets: Sequence[MigrationSet]) -> dict[str, Any]:
    found = database_status(context.home, sets)
    kept = ("usable", "bytes", "free_bytes", "rows", "oldest_ms", "newest_ms", "sequence")
    listed = ("backups", "journal", "stand_ins", "aside")
    return {k: found.get(k) for k in kept} | {k: len(found.get(k) or ()) for k in listed}


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, default=str) + "\n"
