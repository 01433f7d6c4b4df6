"""The event loop's side of a running job: its text as it comes, its end, its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future

from lodestar_engine.chat_request import ChatRequest
from lodestar_engine.errors import ApiError, NativeError
from lodestar_engine.generation import Finished, Job
from lodestar_engine.inspector import FileId
from lodestar_engine.loaded import LoadedModel


class Answer:
    """One answer of a loaded model. Leaving the block cancels what still runs."""

    def __init__(self, model: LoadedModel, adapter: FileId | None, job: Job) -> None:
        self._model = model
        self._adapter = adapter
        self._job = job
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._future: Future[Finished]

    def __enter__(self) -> Answer:
        loop = asyncio.get_running_loop()

        def put(text: str | None) -> None:
            loop.call_soon_threadsafe(self._texts.put_nowait, text)

        self._future = self._model.submit(self._job, self._adapter, put)
        self._future.add_done_callback(lambda _: put(None))
        return self

    def __exit__(self, *_: object) -> None:
        self._job.cancelled.set()
        self._future.cancel()

    async def texts(self, patience_s: float) -> AsyncIterator[str]:
        """The text as it is written; an empty string where none came for so long.

        Raises ApiError (500) where llama.cpp failed.
        """
        while True:
            try:
                text = await asyncio.wait_for(self._texts.get(), patience_s)
            except asyncio.TimeoutError:
                yield ""
                continue
            if text is None:
                break
            yield text
        self.finished()

    def finished(self) -> Finished:
        """How it ended, once `texts` is exhausted."""
        try:
            return self._future.result(0)
        except NativeError as error:
            raise ApiError(f"{error}.", "engine_failure", 500, "server_error") from error


async def prepare(model: LoadedModel, adapter: FileId | None, chat: ChatRequest) -> Answer:
    """An answer that is ready to run: the prompt fits. Raises ApiError (400)."""
    # Not in the model's own thread: a refusal need not wait for the answer being written.
    prompt = await asyncio.to_thread(model.tokenize, chat.messages)
    if adapter is not None:
        await asyncio.wrap_future(model.load_adapter(adapter))
    room = model.context - len(prompt)
    limit = min(chat.max_tokens or room, room)
    return Answer(model, adapter, Job(prompt, limit, chat.sampling, chat.stop))
