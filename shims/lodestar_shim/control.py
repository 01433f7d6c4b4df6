"""The channel of the launcher: events come in, notices and the status line go out."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from lodestar_shim.errors import ShimError
from lodestar_shim.pipeline import Services

BATCH_LIMIT = 500
NOT_KEPT = frozenset({"idle"})


class Control:
    """POST /lodestar/v1/events and GET /lodestar/v1/poll."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._model: str | None = None
        """What Aider last said that it uses; before that nothing is claimed."""

    async def events(self, http: web.Request) -> web.Response:
        """Store the launcher's events as signals and tell the modules."""
        batch = (await http.json()).get("events")
        if not isinstance(batch, list) or len(batch) > BATCH_LIMIT:
            raise ShimError("`events` must be a list of at most 500 events", "invalid_request")
        for event in batch:
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise ShimError("an event needs a `type`", "invalid_request")
            if event["type"] == "idle" and isinstance(event.get("model"), str):
                self._model = event["model"]
        await asyncio.to_thread(self._store, batch)
        return web.Response(status=204)

    async def poll(self, http: web.Request) -> web.Response:
        """Notices after the given id, the end of the session, the status segments."""
        after = http.query.get("after", "0")
        data = self._s.session.poll(int(after) if after.isdecimal() and len(after) < 16 else 0)
        return web.json_response({**data, "status": self._status()})

    def _status(self) -> list[str]:
        segments = [] if self._model is None else [self._billing(self._model)]
        remaining = self._s.session.remaining_s
        if remaining is not None:
            segments.append(f"{max(0, int(remaining)) // 60} min left")
        return segments

    def _billing(self, model: str) -> str:
        """FREE or PAID, and the alias: what the user's next message will cost."""
        alias = self._s.catalog.plain(model)
        if alias not in self._s.catalog:
            return f"UNKNOWN {alias}"
        entry = self._s.catalog.get(alias)
        name = f"{alias} ({entry.label})" if entry.label else alias
        return f"{'PAID' if entry.paid else 'FREE'} {name}"

    def _store(self, batch: list[dict[str, Any]]) -> None:
        session = self._s.session.id
        kept = [event for event in batch if event["type"] not in NOT_KEPT]
        for event in self._s.recorder.signals(kept, session):
            self._s.plugins.collect(
                "session_event",
                session=session,
                event={"type": "outcome", "event": event},
                store=self._s.store,
                settings=self._s.settings,
            )
