"""The whole status at one moment: the core's parts and those of the modules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from lodestar.errors import LedgerError
from lodestar.loading import Context
from lodestar.plugins import Plugins
from lodestar.status import machine, sessions
from lodestar.status.part import Line, Part, Seen
from lodestar.store.store import Store

log = logging.getLogger("lodestar.status")
LAST = ("disk", "database")
Named = tuple[str, Seen]


class Status:
    """Looks again and again, with the modules and the database opened once."""

    def __init__(self, context: Context, store: Store | LedgerError) -> None:
        self._home = context.home
        self._store = store if isinstance(store, Store) else None
        self._problem = None if isinstance(store, Store) else store
        collected = Plugins.load(context.settings).collect(
            "register_checks", settings=context.settings
        )
        self._parts = [part for group in collected for part in group if isinstance(part, Part)]

    def look(self) -> list[Named]:
        """What there is to see, in the order of the screen."""
        looks: list[tuple[str, Callable[[], Seen | None]]] = []
        if store := self._store:
            looks.append(("sessions", lambda: sessions.sessions(self._home, store)))
        looks.append(("shims", lambda: sessions.shims(self._home)))
        looks.append(("engine", lambda: machine.engine(self._home)))
        looks += [(part.name, self._bound(part)) for part in self._parts]
        looks.append(("disk", lambda: machine.disk(self._home)))
        looks.append(("database", lambda: machine.database(self._home, self._unfit())))
        return [(name, seen) for name, look in looks if (seen := _safe(name, look))]

    def _bound(self, part: Part) -> Callable[[], Seen | None]:
        return lambda: part.look(self._store)

    def _unfit(self) -> LedgerError | None:
        return self._store.unfit if self._store else self._problem


def worst(parts: Sequence[Named]) -> str:
    """The worst level of all lines."""
    levels = {line.level for _, seen in parts for line in seen.lines}
    return next((level for level in ("fail", "warn") if level in levels), "ok")


def _safe(name: str, look: Callable[[], Seen | None]) -> Seen | None:
    """A part that fails hurts no other."""
    try:
        return look()
    except Exception as error:
        log.exception("the part %s of the status failed", name)
        why = f"this could not be looked at: {type(error).__name__}: {error}"
        return Seen([Line(why, "fail")], {"problem": why})
