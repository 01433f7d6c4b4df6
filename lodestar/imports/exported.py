"""Reading another machine's `lodestar data export`: one exchange a line, with its rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from lodestar.exchange import Kind, Status
from lodestar.imports.aider_rows import PROFILE
from lodestar.imports.bundle import RUNNING, Bundle, Item, Row
from lodestar.imports.columns import Columns, OddRowError
from lodestar.imports.lines import Line, Reading
from lodestar.imports.said import is_count
from lodestar.redaction import Redactor
from lodestar.store.exchanges import Message
from lodestar.store.export import SCHEMA
from lodestar.store.merge import LEFT_OUT, TABLES
from lodestar.store.reader import Reader

FORMAT = "export"
LONGEST = 32 << 20
"""Bytes of a line: a whole context is a few million."""
OWN = "this machine's own"
_TEXTS = ("error", "comment", "route_reason", "finish_reason", "branch", "tag", "reason")
_OF_EXCHANGE = ("session_id", "started_ms", "kind", "requested_alias")
_KEPT_APART = frozenset({*TABLES, *LEFT_OUT, "imports", "imported", "holds"})
"""Not taken from a line as they are. A hold follows from its charge."""


@dataclass(frozen=True)
class Target:
    """The database that they go to: its columns, its machine, and how texts are kept."""

    columns: Columns
    machine: str
    redactor: Redactor
    text: str


class ExportReader:
    """Reads one file, once."""

    def __init__(self, reading: Reading, target: Target) -> None:
        self._reading, self._target = reading, target

    def read(self, lines: Iterable[Line]) -> Iterator[Item]:
        """Its exchanges, in their order; one that was not over is left for the next export."""
        for line in lines:
            self._reading.lines += 1
            if not line.text.strip():
                continue
            try:
                item = self._item(line)
            except OddRowError as error:
                self._reading.odd(line.number, str(error))
            else:
                self._reading.messages += 1
                if item is not None:
                    yield item

    def _item(self, line: Line) -> Item | None:
        if line.too_long or not line.whole:
            raise OddRowError("it is too long" if line.too_long else "the file ends within it")
        said = _parsed(line.text)
        if said.get("status") == "open":
            return None
        bundle = _bundle(self._target, said)
        exchange, machine = bundle.exchange, str(said["machine_id"])
        own = machine == self._target.machine
        charges = [row for table, row in bundle.of_modules if table == "charges"]
        return Item(
            line.number,
            exchange["id"],
            exchange.get("session_id"),
            exchange["started_ms"],
            exchange.get("input_tokens") or 0,
            exchange.get("output_tokens") or 0,
            sum(row.get("cash_nano") or 0 for row in charges) if charges else None,
            lambda: bundle,
            any(row.get("billing") == "payg" for row in charges),
            partial(_own, own),
            partial(_clash, bundle, own),
        )


def _own(own: bool, store: Reader) -> str | None:
    return OWN if own else None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OddRowError("it is no JSON") from error
    if not isinstance(said, Mapping) or said.get("schema") != SCHEMA:
        raise OddRowError(f"it is no {SCHEMA}")
    if not isinstance(said.get("machine_id"), str) or "session" not in said:
        raise OddRowError("it names no machine: an older Lodestar wrote it, export it again")
    return said


def _bundle(target: Target, said: Mapping[str, Any]) -> Bundle:
    columns = target.columns
    exchange = _cleaned(target, columns.fitting("exchanges", said))
    if exchange["kind"] not in get_args(Kind) or exchange["status"] not in get_args(Status):
        raise OddRowError("its kind or its status is not known")
    belongs = {"session_id": exchange.get("session_id"), "exchange_id": exchange["id"]}
    attempts = _rows(target, said, "attempts", {"exchange_id": exchange["id"]})
    later = [
        (name, row) for name in ("signals", "ratings") for row in _rows(target, said, name, belongs)
    ]
    for _, row in later:
        _check_data(row)
    of_modules = [
        (name, row)
        for name in sorted(columns.of_exchanges() - _KEPT_APART)
        for row in _rows(target, said, name, belongs)
    ]
    session = _session(target, said, exchange)
    root = said.get("project_root")
    if root is not None and (not isinstance(root, str) or not root.startswith("/")):
        raise OddRowError("its project is no folder")
    return Bundle(
        root if session else None, session, exchange,
        _messages(target, said, "prompt"), _messages(target, said, "answer"),
        attempts, later, of_modules,
    )  # fmt: skip


def _session(target: Target, said: Mapping[str, Any], exchange: Row) -> Row | None:
    if exchange.get("session_id") is None:
        return None
    row = _cleaned(target, target.columns.fitting("sessions", said["session"]))
    if row["id"] != exchange["session_id"] or row["machine_id"] != said["machine_id"]:
        raise OddRowError("its session is another one")
    ended = {"ended_ms": exchange["started_ms"], "end_reason": RUNNING, "exit_code": None}
    known = row if row.get("ended_ms") is not None else {**row, **ended}
    # Its process is not of this machine; its limits are not of this database.
    nothing = {"pid": None, "boot_id": None, "limits": None, "training_opt_in": 0}
    return {"exit_code": None, "end_reason": None, **known, **nothing}


def _rows(
    target: Target, said: Mapping[str, Any], table: str, belongs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    rows = said.get(table, [])
    if not isinstance(rows, list):
        raise OddRowError(f"its {table} are no list")
    found = [_cleaned(target, target.columns.fitting(table, row)) for row in rows]
    if any(row.get("exchange_id") != belongs["exchange_id"] for row in found):
        raise OddRowError(f"a row of {table} is of another exchange")
    return [{**row, **belongs} for row in found]


def _cleaned(target: Target, row: dict[str, Any]) -> dict[str, Any]:
    """The texts in it, as they may be stored here."""
    for name in _TEXTS:
        if isinstance(row.get(name), str):
            row[name] = target.redactor.text(row[name])
    if isinstance(row.get("data"), str):
        row["data"] = target.redactor.text(row["data"])
    return row


def _check_data(row: Row) -> None:
    """What is read as JSON later must be some."""
    if "data" in row:
        try:
            fine = isinstance(json.loads(row["data"]), dict)
        except (ValueError, RecursionError):
            fine = False
        if not fine:
            raise OddRowError("signals.data is no JSON")


def _messages(target: Target, said: Mapping[str, Any], direction: str) -> list[Message]:
    messages = said.get(direction, [])
    if not isinstance(messages, list):
        raise OddRowError(f"its {direction} is no list")
    return [_message(target, one) for one in messages]


def _message(target: Target, said: object) -> Message:
    if not isinstance(said, Mapping):
        raise OddRowError("a message is none")
    row = target.columns.fitting("messages", {**said, "hash": "x"})
    if not is_count(row["bytes"]):
        raise OddRowError("a message has no size")
    text = None if target.text == "none" or row.get("text") is None else row["text"]
    return row["role"], None if text is None else target.redactor.text(text), row["bytes"]


def _clash(bundle: Bundle, own: bool, connection: sqlite3.Connection) -> str | None:
    """Whether an id of it belongs to something else here."""
    exchange, session = bundle.exchange, bundle.session
    if own or (exchange.get("route_reason") == PROFILE and _is_here(connection, exchange)):
        # What two machines have read of the same file of Aider's is the same.
        return None
    if _differs(connection, "exchanges", exchange, _OF_EXCHANGE):
        return f"the exchange {exchange['id']} is here, and is another one"
    if session and _differs(connection, "sessions", session, ("machine_id", "started_ms")):
        return f"the session {session['id']} is here, and is another one"
    rows = [*(("attempts", row) for row in bundle.attempts), *bundle.later, *bundle.of_modules]
    for table, row in rows:
        if _differs(connection, table, row, ("exchange_id",)):
            return f"a row of {table}, {row['id']}, is here, and is another one"
    return None


def _is_here(connection: sqlite3.Connection, exchange: Row) -> bool:
    sql = "SELECT 1 FROM exchanges WHERE id = ?"
    return connection.execute(sql, (exchange["id"],)).fetchone() is not None


def _differs(connection: sqlite3.Connection, table: str, row: Row, names: tuple[str, ...]) -> bool:
    here = connection.execute(f'SELECT * FROM "{table}" WHERE id = ?', (row["id"],)).fetchone()  # noqa: S608
    return here is not None and any(here[name] != row.get(name) for name in names)
