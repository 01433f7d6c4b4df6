"""Exporting the log: one exchange a line, whole, or a table for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from lodestar import log
from lodestar.log import Filter
from lodestar.paths import Home
from lodestar.store.sessions import machine_id
from lodestar.store.store import Store

SCHEMA = "lodestar.exchange/1"
COLUMNS = (
    *("schema", "id", "started_ms", "project", "session_id", "turn", "kind", "requested_alias"),
    *("served_alias", "served_model", "status", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "usage_source"),
    *("ttft_ms", "duration_ms", "rating"),
)
_OWN = frozenset({"attempts", "exchange_messages", "ratings", "signals", "imported"})

_HERE = frozenset({"project_id", "pid", "boot_id", "limits"})
"""What a session has that means nothing elsewhere."""


def as_jsonl(store: Store, wanted: Filter) -> Iterator[str]:
    """Each exchange with its texts, attempts, signals and ratings, and what modules keep of it.

    The machine and the session are named, so that another machine can take it in.
    """
    tables = _tables_of_modules(store)
    here = machine_id(Home(store.path.parent))
    for row in reversed(log.list_exchanges(store, wanted)):
        session = _session(store, row["session_id"])
        machine = session["machine_id"] if session else here
        named = {"schema": SCHEMA, "machine_id": machine, "session": session}
        whole = {**named, **log.show_exchange(store, row["id"])}
        for table in tables:
            sql = f'SELECT * FROM "{table}" WHERE exchange_id = ? ORDER BY rowid'  # noqa: S608
            found = [dict(one) for one in store.rows(sql, (row["id"],))]
            if found:
                whole[table] = found
        yield json.dumps(whole) + "\n"


def as_csv(store: Store, wanted: Filter) -> Iterator[str]:
    """Each exchange in numbers; no text, so that a line is a line."""
    yield _csv_line(COLUMNS)
    for row in reversed(log.list_exchanges(store, wanted)):
        yield _csv_line([SCHEMA, *(_harmless(row.get(name)) for name in COLUMNS[1:])])


def _session(store: Store, id: str | None) -> dict[str, Any] | None:
    row = store.row("SELECT * FROM sessions WHERE id = ?", (id,))
    return {name: row[name] for name in row.keys() if name not in _HERE} if row else None  # noqa: SIM118


def _tables_of_modules(store: Store) -> list[str]:
    rows = store.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    names = [row["name"] for row in rows if row["name"] not in _OWN]
    return [name for name in names if _has_exchange(store, name)]


def _has_exchange(store: Store, table: str) -> bool:
    return any(c["name"] == "exchange_id" for c in store.rows(f'PRAGMA table_info("{table}")'))


def _csv_line(cells: Sequence[object]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell
