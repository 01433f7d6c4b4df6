"""Whether a row that somebody else wrote fits a table: its columns, types and ranges."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lodestar.imports.said import DAY_MS, FIRST_MS, MOST_TOKENS
from lodestar.store.text import storable

MOST = 2**53
_ID = re.compile(r"[\w\-]{1,64}\Z", re.ASCII)
_MOMENTS = frozenset({"started_ms", "ended_ms", "created_ms", "window_ms", "undone_ms"})
_ABOVE_ZERO = ("_tokens", "_ms", "bytes")


class OddRowError(Exception):
    """A row that does not fit; what is said of it in a few words."""


@dataclass(frozen=True)
class Column:
    """One column as the database declares it."""

    name: str
    type: str
    needed: bool


class Columns:
    """The tables of this database, and what fits them."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self._latest_ms = now_ms + DAY_MS
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self._tables = {name: _columns(connection, name) for (name,) in tables.fetchall()}

    def of_exchanges(self) -> set[str]:
        """The tables whose rows have an id and name an exchange."""
        wanted = {"id", "exchange_id"}
        return {name for name, of in self._tables.items() if wanted <= {c.name for c in of}}

    def fitting(self, table: str, row: object) -> dict[str, Any]:
        """The row with the columns that the table has. Raises OddRowError."""
        if not isinstance(row, Mapping):
            raise OddRowError(f"a row of {table} is none")
        kept = {c.name: self._value(table, c, row) for c in self._tables[table] if c.name in row}
        for column in self._tables[table]:
            needed = column.needed or column.name == "id"
            if needed and kept.get(column.name) is None:
                raise OddRowError(f"{table}.{column.name} is missing")
        return kept

    def _value(self, table: str, column: Column, row: Mapping[str, Any]) -> Any:
        value, name = row[column.name], column.name
        if value is None:
            return None
        if column.type == "INTEGER":
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST:
                raise OddRowError(f"{table}.{name} is no number that can be")
            self._check_range(table, name, value, row)
            return value
        if not isinstance(value, str):
            raise OddRowError(f"{table}.{name} is no text")
        if (name == "id" or name.endswith("_id")) and not _ID.match(value):
            raise OddRowError(f"{table}.{name} is no id")
        return storable(value)

    def _check_range(self, table: str, name: str, value: int, row: Mapping[str, Any]) -> None:
        if name in _MOMENTS and not FIRST_MS <= value <= self._latest_ms:
            raise OddRowError(f"{table}.{name}: nothing can have happened at that time")
        signed = row.get("corrects") is not None
        if name.endswith(_ABOVE_ZERO) and value < 0 and not signed:
            raise OddRowError(f"{table}.{name} is below zero")
        if name.endswith("_tokens") and abs(value) > MOST_TOKENS:
            raise OddRowError(f"{table}.{name} is no number that can be")


def _columns(connection: sqlite3.Connection, table: str) -> list[Column]:
    rows = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    return [Column(row[1], row[2], bool(row[3]) and row[4] is None) for row in rows]
