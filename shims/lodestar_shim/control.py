"""The channel of the launcher: events come in, notices and the status line go out."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from aiohttp import web

from lodestar.errors import LodestarError
from lodestar.store.sessions import extend_session, note_end
from lodestar_shim.errors import ShimError
from lodestar_shim.live import END_KINDS
from lodestar_shim.services import Services
from lodestar_shim.status import Status

log = logging.getLogger("lodestar.shim.control")
BATCH_LIMIT = 500
EXTENSION_LIMIT = 1440
NOT_KEPT = frozenset({"idle"})


class Control:
    """POST /lodestar/v1/events and /lodestar/v1/extend, GET /lodestar/v1/poll."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._status = Status(services)

    async def events(self, http: web.Request) -> web.Response:
        """Store the launcher's events as signals and tell the modules."""
        batch = (await http.json()).get("events")
        if not isinstance(batch, list) or len(batch) > BATCH_LIMIT:
            raise ShimError("`events` must be a list of at most 500 events", "invalid_request")
        for event in batch:
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise ShimError("an event needs a `type`", "invalid_request")
            if event["type"] == "idle" and isinstance(event.get("model"), str):
                self._status.use(event["model"])
            self._s.session.heard(event)
        await asyncio.to_thread(self._store, batch)
        return web.Response(status=204)

    async def poll(self, http: web.Request) -> web.Response:
        """Notices after the given id, the end of the session, the status line."""
        after = http.query.get("after", "0")
        data = self._s.session.poll(int(after) if after.isdecimal() and len(after) < 16 else 0)
        return web.json_response({**data, **await self._status.now()})

    async def extend(self, http: web.Request) -> web.Response:
        """Put off the end of the session: {"minutes": 15}; answers with its new length."""
        body = await http.json()
        minutes = body.get("minutes") if isinstance(body, dict) else None
        if type(minutes) is not int or not 1 <= minutes <= EXTENSION_LIMIT:
            raise ShimError(
                f"`minutes` must be a number from 1 to {EXTENSION_LIMIT}", "invalid_request"
            )
        session = self._s.session
        if session.time is None:
            raise ShimError("this session has no time limit", "no_time_limit")
        if session.ending is not None and session.ending.minutes is None:
            raise ShimError("the end of this session cannot be put off", "session_ended")
        total = session.time.extended(minutes)
        session.extend_to(total)
        await asyncio.to_thread(self._keep, total)
        return web.json_response({"minutes": total})

    def _keep(self, minutes: int) -> None:
        """For the next shim, should this one be killed."""
        try:
            extend_session(self._s.store, self._s.session.id, minutes)
        except (LodestarError, sqlite3.Error, OSError):
            log.exception("an extension could not be stored; a restarted shim forgets it")

    def _store(self, batch: list[dict[str, Any]]) -> None:
        session = self._s.session.id
        kept = [event for event in batch if event["type"] not in NOT_KEPT]
        for event in self._s.recorder.signals(kept, session):
            if event["type"] == "exit" and event.get("ended") in END_KINDS:
                # Aider leaves because the shim asked for it: its exit code does not say so.
                note_end(self._s.store, session, event["ended"])
            self._s.plugins.collect(
                "session_event",
                session=session,
                event={"type": "outcome", "event": event},
                store=self._s.store,
                settings=self._s.settings,
            )
