"""Nothing is cut silently: what a model of Ollama can take is asked, and held against a prompt.

Its OpenAI endpoint takes no context size, and drops the oldest messages of a prompt that is too
long without a word. So the size that the model was loaded with is looked up, and what does not
fit is refused before it is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from lodestar.exchange import Request
from lodestar.local_models import remember_context
from lodestar.ollama import SMALLEST_DEFAULT, Ollama, OllamaError, full_name
from lodestar.paths import Home
from lodestar.settings import ModelEntry
from lodestar_shim.parse import text_of

log = logging.getLogger("lodestar.shim.ollama")
BYTES_PER_TOKEN = 3
"""Fewer than any usual text or code has: a prompt is taken to be longer than it is."""
PER_MESSAGE = 8
SURELY_FITS = 1024
SHORTEST_ANSWER = 256
ASK_S = 2.0


class TooLongError(Exception):
    """A prompt that the model would be shown a part of; the text says so in Aider's words."""


class Windows:
    """The contexts that the models of Ollama are loaded with."""

    def __init__(self, home: Home, load_s: float) -> None:
        self._home = home
        self._load_s = load_s
        self._told: dict[tuple[str, str], int] = {}

    async def cap(self, request: Request, entry: ModelEntry, cap: int | None) -> int | None:
        """The output cap that leaves the whole prompt in the context.

        Raises TooLongError where there is no room for it and for an answer.
        """
        if entry.provider != "ollama":
            return cap
        needed = estimate(request.body)
        wanted = min(cap or SHORTEST_ANSWER, SHORTEST_ANSWER)
        if needed > SURELY_FITS or not self._known(entry):
            window = await self.window(entry)
        else:
            window = self._known(entry)
        room = window - needed
        if room < wanted:
            raise TooLongError(_too_long(entry, window, needed))
        return min(room, cap) if cap else room

    async def window(self, entry: ModelEntry) -> int:
        """The context that the model has; it is loaded where it is not, as a request would."""
        try:
            found = await asyncio.to_thread(self._ask, entry)
        except OllamaError as error:
            log.info("Ollama did not say what context %s has: %s", entry.model, error)
            found = 0
        if found:
            self._told[_key(entry)] = found
        return found or self._known(entry) or entry.context or SMALLEST_DEFAULT

    def _known(self, entry: ModelEntry) -> int:
        return self._told.get(_key(entry), 0)

    def _ask(self, entry: ModelEntry) -> int:
        url, name = _key(entry)
        loaded = Ollama(url, ASK_S).loaded()
        if name not in loaded:
            Ollama(url, self._load_s).load(entry.model)
            loaded = Ollama(url, ASK_S).loaded()
        found = loaded.get(name, 0)
        if found:
            remember_context(self._home, url, name, found)
        return found


def estimate(body: Mapping[str, Any]) -> int:
    """No usual prompt of this text has more tokens."""
    messages = body["messages"]
    size = sum(len(text_of(m.get("content")).encode("utf-8", "replace")) for m in messages)
    # Tools, and what a message has besides its content, are part of the prompt as well.
    others = [body.get("tools"), *(m.get("tool_calls") for m in messages)]
    size += sum(len(json.dumps(other)) for other in others if other)
    return size // BYTES_PER_TOKEN + PER_MESSAGE * (len(messages) + 1)


def _key(entry: ModelEntry) -> tuple[str, str]:
    return (entry.api_base or "").rstrip("/").removesuffix("/v1"), full_name(entry.model)


def _too_long(entry: ModelEntry, window: int, needed: int) -> str:
    return (
        f"This model's maximum context length is {window} tokens, as Ollama has loaded"
        f" {entry.model}, and your messages may have {needed}. Ollama would drop the oldest of"
        " them without a word. Take files out of the chat (/drop), or give the model more room"
        " where Ollama runs: OLLAMA_CONTEXT_LENGTH=16384 ollama serve"
    )
