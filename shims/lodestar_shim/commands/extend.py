"""`/extend`: more time for the session."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from lodestar.clock import local_text, now_ms
from lodestar.control import Asked, Reply, SlashCommand
from lodestar.durations import parse_duration
from lodestar.errors import LodestarError, UsageError
from lodestar.store.sessions import extend_session
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.services import Services
from lodestar_shim.status import Status
from lodestar_shim.time_limit import left_text

log = logging.getLogger("lodestar.shim.commands")
MOST_MINUTES = 1440
WAIT_S = 10.0
"""For the loop, which may be about to end."""
EXAMPLES = ("15m", "30m", "1h", "2h")


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The command of this file."""
    run = _Extend(services, asyncio.get_running_loop()).run
    help_ = "Give this session more time"
    return (SlashCommand("extend", help_, run, "15m", lambda settings: EXAMPLES),)


async def extend(services: Services, minutes: int, tell: bool = True) -> int:
    """Put off the end of the session; its new length. Raises ShimError where that cannot be.

    In the loop's thread. `tell` shows a notice of it.
    """
    if not 1 <= minutes <= MOST_MINUTES:
        message = for_user(f"a session is extended by 1 to {MOST_MINUTES} minutes at once")
        raise ShimError(message, "invalid_request")
    session = services.session
    if session.time is None:
        message = for_user("this session has no time limit", "", "it goes on until you leave")
        raise ShimError(message, "no_time_limit")
    if session.ending is not None and session.ending.minutes is None:
        message = for_user("the end of this session cannot be put off", session.ending.reason)
        raise ShimError(message, "session_ended")
    total = session.time.extended(minutes)
    if tell:
        session.extend_to(total)
    else:
        session.time.extend_to(total)
    await asyncio.to_thread(_keep, services, total)
    return total


def _keep(services: Services, minutes: int) -> None:
    """For the next shim, should this one be killed."""
    try:
        extend_session(services.store, services.session.id, minutes)
    except (LodestarError, sqlite3.Error, OSError):
        log.exception("an extension could not be stored; a restarted shim forgets it")


@dataclass(frozen=True)
class _Extend:
    services: Services
    loop: asyncio.AbstractEventLoop

    def run(self, asked: Asked) -> Reply:
        """Add the time, and say when the session ends now."""
        if not asked.argument:
            raise UsageError("/extend needs a length of time", "", "for example: /extend 15m")
        minutes = -(-parse_duration(asked.argument, bare="m") // 60)
        work = extend(self.services, minutes, tell=False)
        total = asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)
        time = self.services.session.time
        left = time.remaining_s if time else 0.0
        at = local_text(now_ms() + int(left * 1000), asked.settings.timezone)[-5:]
        # The launcher is told, too: word of the old end may be on its way to it.
        return Reply(
            [f"this session ends at {at} now: {left_text(left)} left"],
            effect={"minutes": str(total)},
        )
