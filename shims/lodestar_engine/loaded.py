"""A model in memory: one copy of the weights, one worker thread, a few KV caches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from lodestar_engine.chat_template import ChatTemplate
from lodestar_engine.errors import ApiError, NativeError
from lodestar_engine.generation import Finished, Generation, Job
from lodestar_engine.inspector import FileId, file_id
from lodestar_engine.library import ModelFile
from lodestar_engine.memory import available_bytes
from lodestar_engine.native import Context, Model, StoppedError
from lodestar_engine.slots import Slot, SlotPool

# Left free when another cache is made: for the caches' working buffers and other programs.
SPARE_BYTES = 1 << 30
# Below this, threads wait for each other longer than they work, and on a busy machine for ever.
SMALL_BYTES = 64 << 20
# Where the system does not say what is free: main conversation and commit messages.
UNMEASURED_SLOTS = 2
log = logging.getLogger(__name__)


class LoadedModel:
    """Answers jobs one at a time, in the order they came."""

    def __init__(self, source: ModelFile, threads: int) -> None:
        """Blocks while loading. Raises ApiError (400) where llama.cpp cannot use the file."""
        self.source = source
        self.context = source.context
        self.adapter: FileId | None = None
        self._threads = 1 if source.file.size < SMALL_BYTES else threads
        self._job: Job | None = None
        self._adapters: dict[str, Any] = {}
        self._vocabulary = threading.Lock()
        self._freed = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=source.name)
        try:
            self._load()
        except NativeError as error:
            # Its header and checksum are right: memory may be short, or the kind too new.
            raise ApiError(f"{error}.", "model_not_loaded") from error

    def _load(self) -> None:
        self._model = Model(self.source.file.path, self.source.manifest.gpu_layers)
        try:
            _still(self.source.file)
            bos, eos = self._model.special_text("bos"), self._model.special_text("eos")
            self._template = ChatTemplate(self._model.chat_template, bos, eos)
            first = Context(self._model, self.context, self._threads, self._should_stop)
        except BaseException:
            self._model.close()
            raise
        self._slots = SlotPool(self._another_context, self._set_adapter, first)

    def tokenize(self, messages: list[dict[str, str]]) -> list[int]:
        """The prompt's tokens. Raises ApiError (400), also where they do not fit the context."""
        prompt = self._template.render(messages)
        # A client may hang up while this runs, and the model be unloaded before it ends.
        with self._vocabulary:
            if self._freed:
                raise ApiError("The model was unloaded.", "model_unloaded", 503, "server_error")
            tokens = self._model.tokenize(prompt)
        if len(tokens) < self.context:
            return tokens
        raise ApiError(
            f"This model's maximum context length is {self.context} tokens. However, your"
            f" messages resulted in {len(tokens)} tokens. Please reduce the length of the"
            " messages.",
            "context_length_exceeded",
        )

    def load_adapter(self, adapter: FileId) -> Future[str]:
        """Make an adapter ready, in its turn: llama.cpp cannot do that while it is working.

        Its future may raise ApiError (400).
        """
        return self._worker.submit(self._adapter_key, adapter)

    def submit(
        self, job: Job, adapter: FileId | None, emit: Callable[[str], None]
    ) -> Future[Finished]:
        """Queue a job. Its future may raise NativeError; `emit` is called in the worker."""
        return self._worker.submit(self._run, job, adapter, emit)

    def close(self) -> Future[None]:
        """Free the memory, after the jobs that are still queued."""
        done = self._worker.submit(self._free)
        self._worker.shutdown(wait=False)
        return done

    def _run(self, job: Job, adapter: FileId | None, emit: Callable[[str], None]) -> Finished:
        started = time.monotonic()
        self._job, self.adapter = job, adapter
        key = None if adapter is None else self._adapter_key(adapter)
        slot = self._slots.take(key, job.prompt)
        generation = Generation(self._model, slot, job)
        try:
            finished = generation.run(emit)
        except StoppedError:
            finished = Finished("cancelled", generation.usage)
        log.info(
            "%s adapter=%s %s %s %.3fs",
            *(self.source.name, adapter and adapter.path.stem),
            *(finished.reason, finished.usage, time.monotonic() - started),
        )
        return finished

    def _should_stop(self) -> bool:
        return self._job is not None and self._job.cancelled.is_set()

    def _adapter_key(self, adapter: FileId) -> str:
        """A key for this state of an adapter's file, which is loaded where it is new."""
        key = f"{adapter.path}:{adapter.state}"
        try:
            if key not in self._adapters:
                loaded = self._model.load_adapter(adapter.path)
                _still(adapter)
                self._adapters[key] = loaded
        except NativeError as error:
            raise ApiError(f"{error}.", "bad_model_file") from error
        return key

    def _set_adapter(self, context: Context, key: str | None) -> None:
        context.set_adapter(None if key is None else self._adapters[key])

    def _another_context(self) -> Context | None:
        free = available_bytes()
        if free is None and len(self._slots.slots) >= UNMEASURED_SLOTS:
            return None
        if free is not None and free < self._model.kv_bytes(self.context) + SPARE_BYTES:
            return None
        try:
            return Context(self._model, self.context, self._threads, self._should_stop)
        except NativeError as error:
            log.warning("%s: going on with %d slots", error, len(self._slots.slots))
            return None

    def _free(self) -> None:
        contexts: list[Slot[Context]] = self._slots.slots
        for slot in contexts:
            slot.cache.close()
        with self._vocabulary:
            self._freed = True
            self._model.close()


def _still(file: FileId) -> None:
    """Raises ApiError where the file is not the one any more whose checksum was verified."""
    try:
        same = file_id(file.path) == file
    except OSError:
        same = False
    if not same:
        message = f"The file {file.path} was changed while it was loaded. Send the request again."
        raise ApiError(message, "bad_model_file")
