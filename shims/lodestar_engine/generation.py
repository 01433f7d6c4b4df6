"""One answer: a prompt into a slot, tokens out of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from lodestar_engine.native import Context, Model, Sampler, Sampling
from lodestar_engine.slots import Slot
from lodestar_engine.text import TextStream


@dataclass(frozen=True)
class Job:
    """A prompt that fits, and how to answer it; `cancelled` ends it within an operation."""

    prompt: list[int]
    max_tokens: int
    sampling: Sampling
    stop: tuple[str, ...]
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Usage:
    """Tokens of one exchange; `cached` are those of the prompt that a slot already held."""

    prompt: int
    cached: int
    completion: int

    def as_json(self) -> dict[str, object]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


@dataclass(frozen=True)
class Finished:
    """How an answer ended: reason `stop`, `length` or `cancelled`."""

    reason: str
    usage: Usage


class Generation:
    """Runs one job on one slot; blocking, for a worker thread."""

    def __init__(self, model: Model, slot: Slot[Context], job: Job) -> None:
        self._model = model
        self._slot = slot
        self._job = job
        self._cached = len(slot.tokens)
        self._text = TextStream(job.stop)
        self._count = 0

    def run(self, emit: Callable[[str], None]) -> Finished:
        """Raises StoppedError or NativeError; the slot then holds what was complete before."""
        self._read_prompt()
        sampler = Sampler(self._job.sampling)
        try:
            reason = self._write_answer(sampler, emit)
        finally:
            sampler.close()
        return Finished(reason, self.usage)

    @property
    def usage(self) -> Usage:
        return Usage(len(self._job.prompt), self._cached, self._count)

    def _read_prompt(self) -> None:
        step = self._slot.cache.batch
        for start in range(self._cached, len(self._job.prompt), step):
            self._decode(self._job.prompt[start : start + step])

    def _write_answer(self, sampler: Sampler, emit: Callable[[str], None]) -> str:
        while not self._job.cancelled.is_set():
            token = sampler.next(self._slot.cache)
            ended = self._model.ends_answer(token)
            self._count += not ended
            text = "" if ended else self._text.feed(self._model.piece(token))
            full = self._count >= self._job.max_tokens
            if ended or full:
                text += self._text.finish()
            if text:
                emit(text)
            if ended or self._text.stopped:
                return "stop"
            if full:
                return "length"
            self._decode([token])
        return "cancelled"

    def _decode(self, tokens: list[int]) -> None:
        try:
            self._slot.cache.decode(tokens)
        except BaseException:
            self._slot.keep(len(self._slot.tokens))
            raise
        self._slot.tokens.extend(tokens)
