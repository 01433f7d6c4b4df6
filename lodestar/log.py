"""Reading the log: lists of exchanges, one exchange whole, and a scan of the texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from lodestar.errors import UsageError
from lodestar.exchange import SHORT
from lodestar.outcomes.kept import kept_percent
from lodestar.store.reader import Reader

Row = dict[str, Any]
PAGE = 500
EXCERPT = 40
_AGE = re.compile(r"(\d{1,5})([hdw])\Z")
_HOURS = {"h": 1, "d": 24, "w": 168}
_LIST = """
SELECT e.*, s.profile, s.tag, p.name AS project, p.root AS project_root,
  (SELECT count(*) FROM attempts a WHERE a.exchange_id = e.id) AS attempts,
  (SELECT r.verdict FROM ratings r WHERE r.exchange_id = e.id AND r.undone_ms IS NULL
   ORDER BY r.id DESC LIMIT 1) AS rating
FROM exchanges e LEFT JOIN sessions s ON s.id = e.session_id
LEFT JOIN projects p ON p.id = s.project_id
"""


@dataclass(frozen=True)
class Filter:
    """Which exchanges; None does not filter. Times are UTC milliseconds, `until` excluded."""

    project: str | None = None
    model: str | None = None
    kind: str | None = None
    status: str | None = None
    session: str | None = None
    since: int | None = None
    until: int | None = None
    limit: int = 50


def list_exchanges(store: Reader, wanted: Filter) -> list[Row]:
    """The newest `limit` exchanges that pass, the newest first.

    `kept` is the percentage of the lines of its commits that were last seen to be there.
    """
    tests = {
        "(p.name = :project OR p.root = :project)": wanted.project,
        "(e.requested_alias = :model OR e.served_alias = :model OR e.served_model = :model)": (
            wanted.model
        ),
        "e.kind = :kind": wanted.kind,
        "e.status = :status": wanted.status,
        "e.started_ms >= :since": wanted.since,
        "e.started_ms < :until": wanted.until,
        "(e.session_id LIKE :session || '%' OR e.session_id LIKE '%' || :session)": wanted.session,
    }
    where = [test for test, value in tests.items() if value is not None]
    sql = _LIST + (f" WHERE {' AND '.join(where)}" if where else "")
    sql += " ORDER BY e.started_ms DESC, e.id DESC LIMIT :limit"
    rows = [dict(row) for row in store.rows(sql, vars(wanted))]
    kept = kept_percent(store, [row["id"] for row in rows])
    return [{**row, "kept": kept.get(row["id"])} for row in rows]


def find_exchange(
    store: Reader, text: str, session: str | None = None, answers: bool = False
) -> str:
    """The id that `text` is: whole, the unique beginning or end of one, or `last`.

    The last one is of this `session`, where one is named; of the `answers` it is one that the
    user saw, no commit message. Raises UsageError where there is none or more than one.
    """
    if text == "last":
        return _last(store, session, answers)
    part = text.upper()
    if not re.fullmatch(r"[0-9A-Z]{3,26}", part):
        raise UsageError(f"`{text}` is not an exchange's id", "", "lodestar log lists them")
    rows = store.rows(
        "SELECT id FROM exchanges WHERE id LIKE :part || '%' OR id LIKE '%' || :part"
        " ORDER BY id = :part DESC, id DESC LIMIT 2",
        {"part": part},
    )
    if not rows:
        raise UsageError(f"there is no exchange `{text}`", "", "lodestar log lists them")
    if len(rows) > 1 and rows[0]["id"] != part:
        raise UsageError(f"`{text}` is the id of several exchanges", "", "give more of it")
    return str(rows[0]["id"])


def _last(store: Reader, session: str | None, answers: bool) -> str:
    row = store.row(
        "SELECT id FROM exchanges WHERE (:session IS NULL OR session_id = :session)"
        " AND (NOT :answers OR (kind NOT IN (:short, :brief) AND status IN ('ok', 'aborted')))"
        " ORDER BY started_ms DESC, id DESC LIMIT 1",
        {"session": session, "answers": answers, "short": SHORT[0], "brief": SHORT[1]},
    )
    if row is not None:
        return str(row["id"])
    if session is not None:
        raise UsageError("this session has no answer yet", "nothing was asked", "ask something")
    raise UsageError("the log is empty", "nothing was asked yet", "try: lodestar code")


def show_exchange(store: Reader, id: str) -> Row:
    """One exchange with its prompt, answer, attempts, signals and ratings."""
    (exchange,) = [dict(row) for row in store.rows(f"{_LIST} WHERE e.id = ?", (id,))]
    messages = store.rows(
        "SELECT x.direction, m.role, m.text, m.bytes FROM exchange_messages x"
        " JOIN messages m ON m.hash = x.hash WHERE x.exchange_id = ? ORDER BY x.position",
        (id,),
    )
    return {
        **exchange,
        "kept": kept_percent(store, [id]).get(id),
        "prompt": [_message(m) for m in messages if m["direction"] == "prompt"],
        "answer": [_message(m) for m in messages if m["direction"] == "answer"],
        "attempts": _of(store, "attempts", id),
        "signals": _of(store, "signals", id),
        "ratings": _of(store, "ratings", id),
    }


def search(store: Reader, text: str, limit: int = 20) -> list[Row]:
    """Where a text was written, letter case aside: the newest first, one row a message.

    A prompt is resent each turn, so a message names the first exchange that had it.
    """
    needle = text.casefold()
    if not needle.strip():
        raise UsageError("nothing to search for", "the text is empty", "lodestar log search TEXT")
    found = [
        {**_first_exchange(store, message["hash"]), "role": message["role"], "excerpt": excerpt}
        for message in _messages(store)
        if (excerpt := _excerpt(message["text"], needle)) is not None
    ]
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)[:limit]


def parse_moment(text: str, zone: tzinfo | None, now: datetime, end: bool = False) -> int:
    """UTC milliseconds of a date, a time, `today`, `yesterday`, or an age such as 7d.

    A day given as `end` counts to its last moment. Raises UsageError.
    """
    age = _AGE.match(text)
    if age:
        return _ms(now - timedelta(hours=int(age[1]) * _HOURS[age[2]]))
    here = now.astimezone(zone)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        moment = datetime(here.year, here.month, here.day) - timedelta(days=days[text])
    else:
        moment = _iso(text)
    if end and (text in days or len(text) == len("2026-01-01")):
        moment += timedelta(days=1)
    # Put into the zone last, so that a day of 23 or 25 hours is a day.
    local = moment if moment.tzinfo else _in_zone(moment, zone)
    return _ms(local)


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`{text}` is not a date", "", "write 2026-01-31, '2026-01-31 14:00', today, or 7d"
        ) from error


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)


def _of(store: Reader, table: str, exchange: str) -> list[Row]:
    sql = f"SELECT * FROM {table} WHERE exchange_id = ? ORDER BY rowid"  # noqa: S608
    return [dict(row) for row in store.rows(sql, (exchange,))]


def _message(row: Any) -> Row:
    return {"role": row["role"], "text": row["text"], "bytes": row["bytes"]}


def _messages(store: Reader) -> Iterator[Any]:
    last = 0
    while rows := store.rows(
        "SELECT rowid, hash, role, text FROM messages WHERE rowid > ? AND text IS NOT NULL"
        " ORDER BY rowid LIMIT ?",
        (last, PAGE),
    ):
        yield from rows
        last = rows[-1]["rowid"]


def _excerpt(text: str, needle: str) -> str | None:
    position = text.casefold().find(needle)
    if position < 0:
        return None
    start, end = max(0, position - EXCERPT), position + len(needle) + EXCERPT
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")


def _first_exchange(store: Reader, hash: str) -> Row:
    row = store.row(
        "SELECT x.exchange_id AS id, x.direction, e.started_ms,"
        " (SELECT count(DISTINCT exchange_id) FROM exchange_messages WHERE hash = x.hash)"
        " AS exchanges FROM exchange_messages x JOIN exchanges e ON e.id = x.exchange_id"
        " WHERE x.hash = ? ORDER BY x.exchange_id LIMIT 1",
        (hash,),
    )
    return dict(row) if row else {"id": "", "direction": "", "started_ms": 0, "exchanges": 0}
