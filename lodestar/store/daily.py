"""What is done once a day, by the first session of the day: purge, backup, and old backups."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lodestar.clock import now_ms, zone
from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.settings import RetentionSettings, Settings
from lodestar.store import backup, purge
from lodestar.store.connection import queued
from lodestar.store.migrations import MigrationSet, Purge
from lodestar.store.store import Store

DAY_MS = 86_400_000


def once_a_day(home: Home, store: Store, settings: Settings, sets: Sequence[MigrationSet]) -> bool:
    """Purge and back up; False where today's backup is there, or somebody else makes it."""
    target = backup.today(home, zone(settings.timezone))
    if store.unfit or target.exists():
        return False
    try:
        with only_one(home, 0):
            if target.exists():
                return False
            purge_old(home, store, settings.retention, sets)
            backup.back_up(store.path, target)
            backup.prune(home, settings.retention.backups)
    except BusyError:
        return False
    return True


def purge_old(
    home: Home, store: Store, keep: RetentionSettings, sets: Sequence[MigrationSet]
) -> None:
    """Delete what is past its time: texts first, rows later."""
    now = now_ms()
    rows = Purge(before_ms=now - keep.rows_days * DAY_MS)
    texts = Purge(before_ms=now - min(keep.rows_days, keep.text_days) * DAY_MS, text_only=True)
    purge.purge(store, sets, rows)
    purge.purge(store, sets, texts)
    purge.purge_journal(home, rows)


class BusyError(LedgerError):
    """Somebody else is at the backups."""


@contextmanager
def only_one(home: Home, patience_s: float) -> Iterator[None]:
    """Held by who makes, changes or reads the backups. Raises BusyError."""
    busy = BusyError(
        "the backups are busy", "another process is making or changing one", "try again in a moment"
    )
    path: Path = home.folder("backup") / "lock"
    with queued(path, fcntl.LOCK_EX, patience_s, busy):
        yield
