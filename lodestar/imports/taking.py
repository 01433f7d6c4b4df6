"""Putting exchanges in: looked at whole first, then written in steps that keep nobody waiting."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.imports.bundle import RUNNING, Bundle, Item
from lodestar.store.exchanges import link
from lodestar.store.imported import is_remembered, remember
from lodestar.store.migrations import MigrationSet
from lodestar.store.restore import replay_row
from lodestar.store.sessions import project_id
from lodestar.store.state import bump
from lodestar.store.store import Store

CHUNK = 50
PAUSE_S = 0.02
"""Between two transactions: other sessions' holds wait for their end."""


@dataclass
class Found:
    """What a file has: what is new, and why the rest is not taken."""

    new: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    sessions: set[str | None] = field(default_factory=set)
    first_ms: int | None = None
    last_ms: int | None = None
    input: int = 0
    output: int = 0
    cash_nano: int = 0
    unpriced: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Count one that is new."""
        self.new += 1
        self.sessions.add(item.session)
        self.first_ms = min(item.at_ms, self.first_ms or item.at_ms)
        self.last_ms = max(item.at_ms, self.last_ms or item.at_ms)
        self.input += item.input
        self.output += item.output
        self.cash_nano += item.cash_nano or 0
        self.unpriced += item.cash_nano is None and item.is_paid


@dataclass(frozen=True)
class Source:
    """Where the items are from: the format, the file's name, and its project where it has one."""

    format: str
    file: str
    root: Path | None = None


def look(store: Store, items: Iterable[Item]) -> Found:
    """Count what would be taken in; nothing is written."""
    found = Found()
    for item in items:
        with store.read() as connection:
            known = _known(connection, item)
            clash = item.clash(connection)
        why = "known already" if known else item.known_elsewhere(store)
        if clash:
            found.refused.append((item.line, clash))
        elif why:
            found.passed[why] += 1
        else:
            found.add(item)
    return found


class Taking:
    """One import: it gets its id with the first row that is new."""

    def __init__(self, store: Store, sets: Sequence[MigrationSet], source: Source) -> None:
        self._store, self._sets, self._source = store, sets, source
        self.id = new_id()
        """By which it is undone."""
        self.exchanges = 0
        self.rows = 0
        """Rows that came to exchanges, new ones and known ones."""
        self.left: Counter[str] = Counter()
        """Rows that were not put in, by the reason."""

    def take(self, items: Iterable[Item]) -> None:
        """Put in what is not there yet. What was put in stays where it is interrupted."""
        remaining = iter(items)
        while chunk := list(islice(remaining, CHUNK)):
            with self._store.write() as connection:
                before = self.exchanges + self.rows
                for item in chunk:
                    self._take(connection, item)
                if self.exchanges + self.rows > before:
                    bump(connection)
            time.sleep(PAUSE_S)

    def _take(self, connection: sqlite3.Connection, item: Item) -> None:
        if _known(connection, item):
            self._complete(connection, item)
        elif item.known_elsewhere(self._store) is None:
            bundle = item.bundle()
            self._begin(connection)
            project = _place(connection, bundle)
            put(connection, "exchanges", bundle.exchange)
            link(connection, item.id, "prompt", 0, bundle.prompt)
            link(connection, item.id, "answer", len(bundle.prompt), bundle.answer)
            for attempt in bundle.attempts:
                put(connection, "attempts", attempt)
            remember(connection, "exchanges", item.id, item.id, self.id)
            self.exchanges += 1
            self._add(connection, item, bundle, project)

    def _complete(self, connection: sqlite3.Connection, item: Item) -> None:
        """What came to an exchange since it was taken in; what was purged stays away."""
        here = "SELECT 1 FROM exchanges WHERE id = ? AND session_id IS ?"
        there = connection.execute(here, (item.id, item.session)).fetchone()
        if there is None or not is_remembered(connection, "exchanges", item.id):
            return
        bundle = item.bundle()
        self._add(connection, item, bundle, _place(connection, bundle))

    def _add(
        self, connection: sqlite3.Connection, item: Item, bundle: Bundle, project: str | None
    ) -> None:
        for table, row in bundle.later:
            self.rows += put(connection, table, row)
            if row.get("undone_ms") is not None:
                sql = "UPDATE ratings SET undone_ms = ? WHERE id = ? AND undone_ms IS NULL"
                connection.execute(sql, (row["undone_ms"], row["id"]))
        for table, row in bundle.of_modules:
            self._put_of_module(connection, item, table, {**row, "project_id": project})

    def _put_of_module(
        self, connection: sqlite3.Connection, item: Item, table: str, row: Mapping[str, Any]
    ) -> None:
        if is_remembered(connection, table, row["id"]):
            return
        for group in self._sets:
            if why := group.admits(connection, table, row) if group.admits else None:
                self.left[f"{table}: {why}"] += 1
                return
        if self._replayed(connection, table, row):
            remember(connection, table, row["id"], item.id, self.id)
            self.rows += 1

    def _replayed(
        self, connection: sqlite3.Connection, table: str, row: Mapping[str, Any]
    ) -> bool | None:
        connection.execute("SAVEPOINT brought")
        try:
            return replay_row(connection, table, row, self._sets)
        except sqlite3.IntegrityError as error:
            connection.execute("ROLLBACK TO brought")
            self.left[f"{table}: {error}"] += 1
            return None
        finally:
            connection.execute("RELEASE brought")

    def _begin(self, connection: sqlite3.Connection) -> None:
        root = self._source.root
        connection.execute(
            "INSERT OR IGNORE INTO imports(id, format, file, project_id, created_ms)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                self.id,
                self._source.format,
                self._source.file,
                project_id(connection, root) if root else None,
                now_ms(),
            ),
        )


def put(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    """Insert a row of the core's, where its id is not there yet; how many it were."""
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    sql = f"INSERT OR IGNORE INTO {table}({names}) VALUES ({marks})"  # noqa: S608 (our own names)
    return connection.execute(sql, row).rowcount


def _place(connection: sqlite3.Connection, bundle: Bundle) -> str | None:
    """The exchange's session and project, made where they are new; the project's id."""
    project = project_id(connection, Path(bundle.root)) if bundle.root else None
    if bundle.session:
        _put_session(connection, {**bundle.session, "project_id": project})
    return project


def _put_session(connection: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    if put(connection, "sessions", row):
        return
    # It went on after the file was written that knew it first.
    connection.execute(
        "UPDATE sessions SET ended_ms = max(ended_ms, :ended_ms), exit_code = :exit_code,"
        " end_reason = :end_reason WHERE id = :id AND machine_id = :machine_id"
        " AND end_reason IN (:running, :end_reason) AND ended_ms <= :ended_ms",
        {**row, "running": RUNNING},
    )


def _known(connection: sqlite3.Connection, item: Item) -> bool:
    return _is_there(connection, item) or is_remembered(connection, "exchanges", item.id)


def _is_there(connection: sqlite3.Connection, item: Item) -> bool:
    sql = "SELECT 1 FROM exchanges WHERE id = ?"
    return connection.execute(sql, (item.id,)).fetchone() is not None
