"""The ledger's journal: each charge and budget change once more, as a line outside the database.

One file a month, one line a row, with a checksum: what a backup does not have yet is read from
here. A line is one write at the file's end, so that several processes share a file; one that was
killed in between leaves a torn line, which costs itself only.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lodestar.clock import now_ms
from lodestar.paths import Home

log = logging.getLogger("lodestar.store.journal")


@dataclass(frozen=True)
class Entry:
    """One row of a table, and when it was written down."""

    table: str
    at_ms: int
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Journal:
    """What was read: the entries in the order of the file, and how many lines were no entries."""

    entries: tuple[Entry, ...]
    skipped: int


def append(home: Home, table: str, row: Mapping[str, Any]) -> bool:
    """Write a committed row down. False where that failed; it is logged, and the row stands."""
    moment = now_ms()
    line = _line(Entry(table, moment, row))
    try:
        with _opened(_path(home, moment), fcntl.LOCK_SH) as handle:
            # A line that somebody left torn must not take this one with it.
            size = os.fstat(handle).st_size
            whole = not size or os.pread(handle, 1, size - 1) == b"\n"
            _write(handle, line if whole else b"\n" + line)
    except OSError as error:
        log.warning("a row of %s could not be written to the journal: %s", table, error)
        return False
    return True


def _write(handle: int, data: bytes) -> None:
    """All of it: a disk that is nearly full takes a part, and says so with the rest."""
    while data:
        data = data[os.write(handle, data) :]


def files(home: Home) -> list[Path]:
    """The journal's files, the oldest first."""
    return sorted((home.root / "backup").glob("ledger-????-??.jsonl"))


def read(path: Path) -> Journal:
    """The entries of a file. What is torn, zeroed or altered is skipped and counted.

    A row that was written down again counts once, as it was the last time.
    """
    found: dict[tuple[str, Any], Entry] = {}
    skipped = 0
    for line in path.read_bytes().replace(b"\0", b"\n").split(b"\n"):
        if not line.strip():
            continue
        entry = _entry(line)
        if entry is None:
            skipped += 1
        else:
            key = (entry.table, entry.row.get("id", line))
            found.pop(key, None)
            found[key] = entry
    return Journal(tuple(found.values()), skipped)


def rewrite(path: Path, change: Callable[[Entry], Entry | None]) -> int:
    """Change entries of a file, or with None take them out, while others write to it.

    Returns how many were.
    """
    with _opened(path, fcntl.LOCK_EX):
        entries = read(path).entries
        changed = [change(entry) for entry in entries]
        count = sum(new != old for new, old in zip(changed, entries, strict=True))
        if count:
            _replace(path, b"".join(_line(entry) for entry in changed if entry))
    return count


def _line(entry: Entry) -> bytes:
    said = {"table": entry.table, "at_ms": entry.at_ms, "row": dict(entry.row)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return f'{{"crc":"{zlib.crc32(text.encode()):08x}",{text[1:]}\n'.encode()


def _entry(line: bytes) -> Entry | None:
    try:
        data = json.loads(line)
        entry = Entry(str(data["table"]), int(data["at_ms"]), dict(data["row"]))
    except (ValueError, KeyError, TypeError):
        return None
    return entry if _line(entry).strip() == line.strip() else None


def _path(home: Home, moment: int) -> Path:
    month = datetime.fromtimestamp(moment / 1000, tz=timezone.utc)
    return home.folder("backup") / f"ledger-{month:%Y-%m}.jsonl"


@contextmanager
def _opened(path: Path, lock: int) -> Iterator[int]:
    """A descriptor at the end of the file of this name, which nobody replaces meanwhile."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, lock)
            if os.fstat(handle).st_nlink:
                yield handle
                return
        finally:
            os.close(handle)


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(path.name + ".tmp")
    handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)
