"""A part of the status: what was seen, in lines for people and as data for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lodestar.store.store import Store

Level = Literal["ok", "warn", "fail", "off"]
"""off: it is not there, and nobody needs it to be."""


@dataclass(frozen=True)
class Line:
    """One line of the screen."""

    text: str
    level: Level = "ok"


@dataclass(frozen=True)
class Seen:
    """What a look brought. `data` is what JSON can say."""

    lines: Sequence[Line]
    data: Any = None


@dataclass(frozen=True)
class Part:
    """A name of one word, and a look that takes less than a second; None shows nothing.

    The store is None where the database cannot be used. What can only be asked through the
    network asks it briefly.
    """

    name: str
    look: Callable[[Store | None], Seen | None]
