"""What a restore could not bring back, as far as the journal and the old files know it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lodestar.store.journal import Entry
from lodestar.store.look import read_only


@dataclass(frozen=True)
class Lost:
    """An exchange that is in the log no more: its id, about when it was, which model."""

    id: str
    at_ms: int
    alias: str


def exchanges(
    connection: sqlite3.Connection, entries: Sequence[Entry], since_ms: int, former: Path
) -> tuple[Lost, ...]:
    """Those that the restored database lacks, the oldest first.

    The journal knows an exchange that cost something, where that was `since_ms`, when the
    backup was made. The `former` file, if it can be read, knows all of them.
    """
    known = {row[0] for row in connection.execute("SELECT id FROM exchanges")}
    charged = (entry for entry in entries if entry.table == "charges" and entry.at_ms >= since_ms)
    found = {one.id: one for one in _of_journal(charged)}
    found |= {one.id: one for one in _of_file(former, since_ms)}
    lost = (one for one in found.values() if one.id not in known)
    return tuple(sorted(lost, key=lambda one: (one.at_ms, one.id)))


def newest(connection: sqlite3.Connection) -> int:
    """When the last exchange of a database began; 0 where it has none."""
    row = connection.execute("SELECT max(started_ms) FROM exchanges").fetchone()
    return int(row[0] or 0)


def _of_journal(entries: Iterator[Entry]) -> Iterator[Lost]:
    for entry in entries:
        known, at_ms = entry.row.get("exchange_id"), entry.row.get("window_ms")
        if isinstance(known, str) and isinstance(at_ms, int):
            yield Lost(known, at_ms, str(entry.row.get("alias")))


def _of_file(path: Path, since_ms: int) -> list[Lost]:
    """What can be read of a file that may be damaged, or no database at all."""
    sql = "SELECT id, started_ms, requested_alias FROM exchanges WHERE started_ms >= ?"
    found: list[Lost] = []
    fixed = not Path(f"{path}-wal").exists()
    with suppress(sqlite3.Error), read_only(path, fixed) as connection:
        for row in connection.execute(sql, (since_ms,)):
            found.append(Lost(str(row[0]), int(row[1]), str(row[2])))
    return found
