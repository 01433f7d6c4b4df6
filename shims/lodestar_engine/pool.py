"""The models in memory: loaded on first use, shared, unloaded when idle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lodestar_engine.library import Library, ModelFile
from lodestar_engine.loaded import LoadedModel
from lodestar_engine.memory import available_bytes

log = logging.getLogger(__name__)


@dataclass
class _Entry:
    """One model that is loaded or loading, and who needs it."""

    source: ModelFile
    loading: asyncio.Task[LoadedModel]
    users: int = 0
    used_at: float = field(default_factory=time.monotonic)


class ModelPool:
    """At most one copy of each model's weights."""

    def __init__(self, library: Library, load: Callable[[ModelFile], LoadedModel]) -> None:
        """`load` blocks and is called in a thread."""
        self._library = library
        self._load = load
        self._entries: dict[str, _Entry] = {}

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[LoadedModel]:
        """A loaded model that stays loaded while the block runs. Raises ApiError (400)."""
        source = await self._library.model(name)
        entry = await self._entry(source)
        entry.users += 1
        try:
            # Shielded: others may wait for the same load when this client hangs up.
            yield await asyncio.shield(entry.loading)
        finally:
            entry.users -= 1
            entry.used_at = time.monotonic()

    async def _entry(self, source: ModelFile) -> _Entry:
        entry = self._entries.get(source.name)
        if entry and entry.source != source and not entry.users:
            await self._unload(source.name)
            entry = self._entries.get(source.name)
        if entry is None:
            await self._make_room(source.file.size)
            entry = self._entries.get(source.name) or self._start(source)
        return entry

    def _start(self, source: ModelFile) -> _Entry:
        log.info("loading %s (%d bytes)", source.name, source.file.size)
        entry = _Entry(source, asyncio.create_task(asyncio.to_thread(self._load, source)))
        self._entries[source.name] = entry
        entry.loading.add_done_callback(lambda _: self._drop_failed(entry))
        return entry

    def _drop_failed(self, entry: _Entry) -> None:
        if not _ready(entry) and self._entries.get(entry.source.name) is entry:
            del self._entries[entry.source.name]

    async def _make_room(self, size: int) -> None:
        """Unload idle models, the longest unused first, where memory is short for another."""
        for name, entry in sorted(self._entries.items(), key=lambda item: item[1].used_at):
            free = available_bytes()
            if free is None or free > size:
                return
            if _idle(entry) and self._entries.get(name) is entry:
                await self._unload(name)

    async def unload_idle(self, longer_than_s: float) -> None:
        """Unload what nobody used for so long."""
        limit = time.monotonic() - longer_than_s
        for name, entry in list(self._entries.items()):
            if _idle(entry) and entry.used_at <= limit and self._entries.get(name) is entry:
                await self._unload(name)

    async def _unload(self, name: str) -> None:
        log.info("unloading %s", name)
        model = await self._entries.pop(name).loading
        await asyncio.wrap_future(model.close())

    def loaded(self) -> list[dict[str, object]]:
        """Each model in memory, for `/healthz`."""
        entries = [entry for entry in self._entries.values() if _ready(entry)]
        return [_describe(entry, entry.loading.result()) for entry in entries]


def _ready(entry: _Entry) -> bool:
    done = entry.loading.done() and not entry.loading.cancelled()
    return done and entry.loading.exception() is None


def _idle(entry: _Entry) -> bool:
    return entry.users == 0 and _ready(entry)


def _describe(entry: _Entry, model: LoadedModel) -> dict[str, object]:
    idle = 0.0 if entry.users else time.monotonic() - entry.used_at
    return {
        "model": model.source.name,
        "adapter": model.adapter.path.stem if model.adapter else None,
        "context": model.context,
        "idle_s": round(idle, 3),
    }
