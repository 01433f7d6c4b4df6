"""The ledger's clock: the system's, but never behind the newest hold.

A clock that is set back so opens no window again.
"""

from __future__ import annotations

import logging
import sqlite3

from lodestar.clock import boot_seconds
from lodestar.modules.usage_tracker import rollup
from lodestar.store.sessions import boot_id

log = logging.getLogger("lodestar.usage_tracker")

HOUR_MS = 3_600_000
MOST_BEHIND_MS = 26 * HOUR_MS
"""A clock further behind than any change of time zone is wrong, now or before."""
JUMP_MS = 2 * HOUR_MS
_BOOT = boot_id()


class ClockBehindError(Exception):
    """The system's clock is more than a day behind the ledger's."""


def moment(connection: sqlite3.Connection, wall_ms: int) -> int:
    """The ledger's time, UTC milliseconds, for reading. Never raises for a clock."""
    row = connection.execute("SELECT high_water_ms FROM ledger_clock").fetchone()
    return max(wall_ms, row[0]) if row else wall_ms


def checked(connection: sqlite3.Connection, wall_ms: int) -> int:
    """The ledger's time for a hold; nothing is written. Raises ClockBehindError."""
    now = moment(connection, wall_ms)
    if wall_ms < now - MOST_BEHIND_MS:
        raise ClockBehindError
    return now


def advance(connection: sqlite3.Connection, wall_ms: int) -> None:
    """Move the clock on, within the transaction of a hold."""
    row = connection.execute("SELECT high_water_ms, boot_id, boot_ms FROM ledger_clock").fetchone()
    high, boot, boot_ms = row or (wall_ms, "", 0)
    now_boot_ms = int(boot_seconds() * 1000)
    jump_ms = wall_ms - high - (now_boot_ms - boot_ms)
    if boot == _BOOT and jump_ms > JUMP_MS:
        log.warning("the clock went forward by %d minutes too many", jump_ms // 60_000)
    connection.execute(
        "INSERT OR REPLACE INTO ledger_clock(one, high_water_ms, boot_id, boot_ms)"
        " VALUES (1, ?, ?, ?)",
        (max(wall_ms, high), _BOOT, now_boot_ms),
    )


def reset(connection: sqlite3.Connection, wall_ms: int) -> int:
    """Set the ledger's clock to the system's; returns how many charges and holds were ahead of it.

    They count from now on, so that no window opens again and none stays shut for years.
    """
    connection.execute("UPDATE ledger_clock SET high_water_ms = ?", (wall_ms,))
    ahead = connection.execute("SELECT id FROM charges WHERE window_ms > ?", (wall_ms,)).fetchall()
    for (charge,) in ahead:
        rollup.take_back(connection, charge)
        connection.execute("UPDATE charges SET window_ms = ? WHERE id = ?", (wall_ms, charge))
        rollup.add(connection, charge)
    held = "UPDATE holds SET window_ms = ? WHERE window_ms > ?"
    return len(ahead) + connection.execute(held, (wall_ms, wall_ms)).rowcount
