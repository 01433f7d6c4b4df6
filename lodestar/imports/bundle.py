"""One exchange with everything that belongs to it, ready to be put into the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lodestar.store.exchanges import Message
from lodestar.store.reader import Reader

Row = Mapping[str, Any]
RUNNING = "running when it was exported"
"""How a session ended of which a file does not know the end."""


@dataclass(frozen=True)
class Bundle:
    """Rows by table. `of_modules` are those that a module has to put in, by table."""

    root: str | None
    session: Row | None
    exchange: Row
    prompt: Sequence[Message] = ()
    answer: Sequence[Message] = ()
    attempts: Sequence[Row] = ()
    later: Sequence[tuple[str, Row]] = ()
    """Signals and ratings: there may be more of them when the file is read again."""
    of_modules: Sequence[tuple[str, Row]] = ()


@dataclass(frozen=True)
class Item:
    """What is known of an exchange before its rows are made, which takes time.

    `cash_nano` is None where it is not stated. `known_elsewhere` looks whether the same call came
    in another way, `clash` whether its ids belong to something else.
    """

    line: int
    id: str
    session: str | None
    at_ms: int
    input: int
    output: int
    cash_nano: int | None
    bundle: Callable[[], Bundle] = field(repr=False)
    is_paid: bool = True
    known_elsewhere: Callable[[Reader], str | None] = field(default=lambda _: None, repr=False)
    clash: Callable[[sqlite3.Connection], str | None] = field(default=lambda _: None, repr=False)
