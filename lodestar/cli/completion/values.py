"""The values that a parameter can take on this machine: read, never written or repaired."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import get_args
from urllib.parse import quote

Value = tuple[str, str]
"""What is inserted, and a word about it."""
Source = Callable[[], Iterator[Value]]
WAIT_S = 0.1
NEWEST = 30
_PROJECTS = "SELECT root, name FROM projects ORDER BY root"
_SESSIONS = """SELECT s.id, s.started_ms, p.name FROM sessions s
    LEFT JOIN projects p ON p.id = s.project_id ORDER BY s.id DESC LIMIT ?"""
_EXCHANGES = """SELECT id, started_ms, kind || ' ' || coalesce(served_alias, requested_alias)
    FROM exchanges ORDER BY id DESC LIMIT ?"""
# The newest alone: there may be very many.
_OF_SESSIONS = """SELECT DISTINCT {0} FROM
    (SELECT {0} FROM sessions WHERE {0} IS NOT NULL ORDER BY id DESC LIMIT 5000) ORDER BY 1"""


def words(*known: str) -> Source:
    """A source of words that are always the same."""
    return lambda: iter([(word, "") for word in known])


days = words("today", "yesterday", "7d", "30d")


def aliases() -> Iterator[Value]:
    """The models that can be named."""
    from lodestar.loading import load

    for alias, entry in load().catalog:
        billing = "paid" if entry.billing == "payg" else "free"
        yield alias, f"{billing}, tier {entry.tier}"


def models() -> Iterator[Value]:
    """The same, and the word that leaves the choice to Lodestar."""
    yield "auto", "free models first"
    yield from aliases()


def profiles() -> Iterator[Value]:
    """The profiles, the user's own and the built-in ones."""
    from lodestar.paths import home_root
    from lodestar.profiles import NAME, profile_files

    yield from ((name, "") for name in profile_files(home_root()) if NAME.match(name))


def providers() -> Iterator[Value]:
    """The providers whose names are known."""
    from lodestar.secrets.accounts import PROVIDERS

    yield from ((name, "") for name in PROVIDERS)


def key_owners() -> Iterator[Value]:
    """What a key can belong to: providers, and models that are paid."""
    yield from providers()
    yield from ((name, about) for name, about in aliases() if about.startswith("paid"))


def offers() -> Iterator[Value]:
    """The models that can be downloaded by a short name."""
    from lodestar.hub.curated import curated

    yield from ((name, "") for name in curated())


def settings() -> Iterator[Value]:
    """The keys of the configuration."""
    from lodestar.config import leaves
    from lodestar.loading import load

    yield from ((key, "") for key, _ in leaves(load().settings.model_dump(mode="json")))


def kinds() -> Iterator[Value]:
    """The kinds of exchanges."""
    from lodestar.exchange import Kind

    yield from ((kind, "") for kind in get_args(Kind))


def statuses() -> Iterator[Value]:
    """How an exchange can end."""
    from lodestar.exchange import Status

    yield from ((status, "") for status in get_args(Status))


def projects() -> Iterator[Value]:
    """The folders of the projects in the database."""
    yield from ((root, name) for root, name in _rows(_PROJECTS))


def tags() -> Iterator[Value]:
    """The tags of sessions."""
    yield from ((row[0], "") for row in _rows(_OF_SESSIONS.format("tag")))


def branches() -> Iterator[Value]:
    """The branches that sessions were on."""
    yield from ((row[0], "") for row in _rows(_OF_SESSIONS.format("branch")))


def filters() -> Iterator[Value]:
    """What a dashboard can be narrowed to."""
    yield from ((name, "project") for _, name in projects())
    yield from ((name, "model") for name, _ in aliases())
    yield from ((name, "branch") for name, _ in branches())
    yield from ((name, "tag") for name, _ in tags())


def sessions() -> Iterator[Value]:
    """The newest sessions."""
    for id, started, project in _rows(_SESSIONS, NEWEST):
        yield id, f"{_moment(started)} {project or ''}"


def exchanges() -> Iterator[Value]:
    """The newest exchanges."""
    yield "last", "the newest"
    for id, started, what in _rows(_EXCHANGES, NEWEST):
        yield id, f"{_moment(started)} {what}"


def rated() -> Iterator[Value]:
    """What can be rated."""
    yield from (("up", "the last answer was good"), ("down", "the last answer was bad"))
    yield from exchanges()


def _rows(sql: str, *parameters: int) -> Iterator[tuple[str, ...]]:
    from lodestar.paths import home_root

    path = home_root().database
    if not path.exists():
        return
    uri = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S)) as connection:
        yield from connection.execute(sql, parameters).fetchall()


def _moment(ms: str) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(int(ms) / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
