"""Provider keys: looked up when first needed, kept in this process's memory only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lodestar.errors import LodestarError
from lodestar.exchange import Route
from lodestar.secrets.accounts import takes_key
from lodestar.secrets.finder import Finder
from lodestar_shim.upstream import UpstreamError

NONE_S = 10.0
"""So long nobody looks again for a key that was not there."""


class Keys:
    """The keys of the aliases used so far; `learned` is told each one, to redact it."""

    def __init__(self, finder: Finder, learned: Callable[[str], None]) -> None:
        self._finder = finder
        self._learned = learned
        self._found: dict[str, str] = {}
        self._none: dict[str, float] = {}
        for key in finder.kept_keys():
            learned(key)

    def knows(self, route: Route) -> bool:
        """Whether the key of a route is at hand, and in nobody's text any more."""
        return route.alias in self._found or not takes_key(route.entry)

    async def look(self, route: Route) -> str | UpstreamError | None:
        """The key of a route, None where it needs none, or the error that it is missing.

        A keyring may take seconds to answer, or ask the user: it is asked in a worker thread.
        """
        try:
            return await self._get(route)
        except UpstreamError as error:
            return error

    async def _get(self, route: Route) -> str | None:
        without = self._none.get(route.alias, 0) > time.monotonic()
        if without or not takes_key(route.entry):
            return None
        if route.alias not in self._found:
            try:
                key = await asyncio.to_thread(self._finder.find, route.entry, route.alias)
            except LodestarError as error:
                raise UpstreamError(_text(error, route.alias), sent=False) from error
            if key is None:
                # Without a key it is asked again soon: `lodestar keys set` may have been used.
                self._none[route.alias] = time.monotonic() + NONE_S
                return None
            self._found[route.alias] = key
            self._learned(key)
        return self._found[route.alias]


def _text(error: LodestarError, alias: str) -> str:
    """The error in one line. Aider's litellm writes another name over each OPENAI in it."""
    parts = [part for part in (error.what, error.why, error.do) if part]
    whole = [part for part in parts if "OPENAI" not in part]
    if len(whole) < len(parts):
        whole.append(f"set it: lodestar keys set {alias}; or see: lodestar keys list {alias}")
    return "; ".join(whole)
