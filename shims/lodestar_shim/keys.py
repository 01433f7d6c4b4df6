"""Provider keys: looked up when first needed, kept in this process's memory only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from lodestar.errors import LodestarError
from lodestar.exchange import Route
from lodestar.secrets import find_key
from lodestar_shim.upstream import UpstreamError


class Keys:
    """The keys of the aliases used so far; `learned` is told each one, to redact it."""

    def __init__(self, environ: Mapping[str, str], learned: Callable[[str], None]) -> None:
        self._environ = environ
        self._learned = learned
        self._found: dict[str, str] = {}

    async def look(self, route: Route) -> str | UpstreamError | None:
        """The key of a route, None where it needs none, or the error that it is missing.

        A keyring may take seconds to answer, or ask the user: it is asked in a worker thread.
        """
        try:
            return await self._get(route)
        except UpstreamError as error:
            return error

    async def _get(self, route: Route) -> str | None:
        if route.entry.provider == "engine":
            return None
        if route.alias not in self._found:
            try:
                key = await asyncio.to_thread(find_key, route.entry, route.alias, self._environ)
            except LodestarError as error:
                text = "; ".join(part for part in (error.what, error.why, error.do) if part)
                raise UpstreamError(text, sent=False) from error
            if key is None:
                return None
            self._found[route.alias] = key
            self._learned(key)
        return self._found[route.alias]
