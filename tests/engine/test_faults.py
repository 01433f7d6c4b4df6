"""What goes wrong after the headers are out cuts the stream off; before, it is a plain error."""

import asyncio
import shutil
import threading
from concurrent.futures import Future

import aiohttp
import pytest
from aiohttp import web

from lodestar_engine.activity import Activity
from lodestar_engine.app import Api
from lodestar_engine.errors import ApiError, NativeError
from lodestar_engine.library import Library
from lodestar_engine.pool import ModelPool

BODY = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}


class FailingModel:
    """Writes half an answer, then llama.cpp fails."""

    context = 64
    adapter = None

    def __init__(self, source):
        self.source = source

    def tokenize(self, messages):
        return [1, 2, 3]

    def submit(self, job, adapter, emit):
        emit("half an ans")
        future = Future()
        future.set_exception(NativeError("llama.cpp failed"))
        return future

    def close(self):
        done = Future()
        done.set_result(None)
        return done


@pytest.fixture
def with_server(tmp_path, demo_model):
    """Runs `use(session, pool)` against the real interface over a given way to load."""
    (tmp_path / "models").mkdir()
    (tmp_path / "run").mkdir()
    shutil.copyfile(demo_model, tmp_path / "models" / "small.gguf")

    async def serve(load, use, headers_after_s):
        pool = ModelPool(Library(tmp_path), load)
        api = Api(Library(tmp_path), pool, Activity(), headers_after_s)
        runner = web.AppRunner(api.application(), handler_cancellation=True)
        await runner.setup()
        socket = str(tmp_path / "socket")
        await web.UnixSite(runner, socket).start()
        connector = aiohttp.UnixConnector(socket)
        try:
            async with aiohttp.ClientSession("http://engine", connector=connector) as session:
                await use(session, pool)
        finally:
            await runner.cleanup()

    return lambda load, use, headers_after_s=20: asyncio.run(serve(load, use, headers_after_s))


async def read_until_cut(response):
    lines = []
    with pytest.raises(aiohttp.ClientPayloadError):
        await read_lines(response, lines)
    return b"".join(lines)


async def read_lines(response, lines):
    async for line in response.content:
        lines.append(line)


def ask(session, **fields):
    return session.post("/v1/chat/completions", json=BODY | fields)


def test_a_failure_in_the_middle_of_a_stream_never_ends_it_cleanly(with_server):
    async def use(session, _):
        async with ask(session, stream=True) as response:
            data = await read_until_cut(response)
        assert b'finish_reason": "' not in data
        assert b"[DONE]" not in data

    with_server(FailingModel, use)


def test_a_failure_of_a_whole_answer_is_a_server_error(with_server):
    async def use(session, _):
        async with ask(session) as response:
            assert response.status == 500
            assert (await response.json())["error"]["code"] == "engine_failure"

    with_server(FailingModel, use)


def test_a_slow_load_shows_signs_of_life_and_its_failure_cuts_the_stream_off(with_server):
    may_fail = threading.Event()

    def load(source):
        may_fail.wait(20)
        raise ApiError("the model is broken")

    async def use(session, pool):
        async with ask(session, stream=True) as response:
            assert response.status == 200
            assert await response.content.readline() == b": loading\n"
            may_fail.set()
            assert b"data" not in await read_until_cut(response)
        assert pool.loaded() == []

    with_server(load, use, headers_after_s=0.05)


def test_a_load_that_fails_soon_is_a_plain_refusal_and_is_tried_again(with_server):
    attempts = []

    def load(source):
        attempts.append(source.name)
        raise ApiError("the model is broken")

    async def use(session, _):
        for _attempt in range(2):
            async with ask(session, stream=True) as response:
                assert response.status == 400
                error = (await response.json())["error"]
            assert error["message"] == "the model is broken"
        assert attempts == ["small", "small"]

    with_server(load, use)


def test_a_client_that_leaves_during_a_load_does_not_stop_it_for_others(with_server):
    loading, may_go_on = threading.Event(), threading.Event()

    def load(source):
        loading.set()
        may_go_on.wait(20)
        return FailingModel(source)

    async def use(session, pool):
        first = asyncio.create_task(session.post("/v1/warm", json=BODY))
        await asyncio.to_thread(loading.wait, 20)
        second = asyncio.create_task(session.post("/v1/warm", json=BODY))
        first.cancel()
        await asyncio.wait({first})
        may_go_on.set()
        async with await second as response:
            assert await response.json() == {"context": FailingModel.context}
        assert len(pool.loaded()) == 1
        await pool.unload_idle(0)
        assert pool.loaded() == []

    with_server(load, use)
