"""GET /metrics and /lodestar/v1/status: what this shim did since its start, behind the token."""

from __future__ import annotations

import os

from aiohttp import web

from lodestar_shim.exposition import CONTENT_TYPE, exposition
from lodestar_shim.services import Services

NEWEST = 5


class Observation:
    """Shows the counts; asking for them changes none."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def metrics(self, _: web.Request) -> web.Response:
        """For Prometheus."""
        text = exposition(self._s.metrics, self._s.session.in_flight)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def status(self, _: web.Request) -> web.Response:
        """For `lodestar shim status`."""
        s, m = self._s, self._s.metrics
        ending = s.session.ending
        return web.json_response(
            {
                "pid": os.getpid(),
                "session": s.session.id,
                "profile": s.settings.profile,
                "free_only": s.settings.limits.free_only,
                "requests": m.asked,
                "failed": m.asked - m.answered,
                "in_flight": s.session.in_flight,
                "cash_nano": sum(m.cash.values()),
                "models": [alias for alias, _ in s.catalog],
                "end": ending.reason if ending else None,
                "notices": [notice["text"] for notice in s.session.notices[-NEWEST:]],
            }
        )
