"""The channel of the launcher: events come in, notices and the status line go out."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web

from lodestar.store.sessions import note_end
from lodestar_shim.commands.board import Board
from lodestar_shim.commands.extend import MOST_MINUTES, extend
from lodestar_shim.errors import ShimError
from lodestar_shim.live import END_KINDS
from lodestar_shim.services import Services
from lodestar_shim.status import Status

log = logging.getLogger("lodestar.shim.control")
BATCH_LIMIT = 500
NOT_KEPT = frozenset({"idle"})


class Control:
    """POST /lodestar/v1/events, /extend and /commands/NAME, GET /poll and /commands."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._status = Status(services)
        self._board = Board(services, self._status)

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
        """Notices after the given id, the end of the session, the status line of a model."""
        after = http.query.get("after", "0")
        if http.query.get("model"):
            self._status.use(http.query["model"])
        data = self._s.session.poll(int(after) if after.isdecimal() and len(after) < 16 else 0)
        return web.json_response({**data, **await self._status.now()})

    async def extend(self, http: web.Request) -> web.Response:
        """Put off the end of the session: {"minutes": 15}; answers with its new length."""
        body = await http.json()
        minutes = body.get("minutes") if isinstance(body, dict) else None
        if type(minutes) is not int:
            text = f"`minutes` must be a number from 1 to {MOST_MINUTES}"
            raise ShimError(text, "invalid_request")
        return web.json_response({"minutes": await extend(self._s, minutes)})

    async def commands(self, _: web.Request) -> web.Response:
        """The slash commands, for the launcher to register."""
        return web.json_response({"commands": await self._board.listed()})

    async def command(self, http: web.Request) -> web.Response:
        """Run a slash command: {"argument": TEXT, "confirmed": bool, "model": NAME}."""
        body = await http.json()
        if not isinstance(body, dict) or not isinstance(body.get("argument", ""), str):
            raise ShimError("`argument` must be a text", "invalid_request")
        model = body.get("model")
        reply = await self._board.run(
            http.match_info["name"],
            body.get("argument", ""),
            confirmed=body.get("confirmed") is True,
            model=model if isinstance(model, str) else None,
        )
        return web.json_response(
            {
                "lines": reply.lines,
                "question": reply.question,
                "argument": reply.argument,
                "effect": reply.effect,
            }
        )

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
