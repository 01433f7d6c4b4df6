"""What the shim adds: latency and CPU per request and per chunk, against the upstream direct.

The upstream is a process of its own that answers at once with fixed bytes. Direct and through
the shim alternate in one run. CPU is that of the shim's process, worker threads included.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fakes.shim_client import Shim, config, free_model

ROUNDS = int(os.environ.get("ROUNDS", "200"))
CHUNKS = 200
TICKS = os.sysconf("SC_CLK_TCK")
EVENT = (
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,'
    b'"completion_tokens":9}}\n\ndata: [DONE]\n\n'
)
WHOLE = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 160},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9},
    }
).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        await _answer_all(reader, writer)
    writer.close()


async def _answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        stream = b'"stream":true' in (await reader.readexactly(length)).replace(b": ", b":")
        kind = b"text/event-stream" if stream else b"application/json"
        body = EVENT * CHUNKS + LAST if stream else WHOLE
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind)
        writer.write(b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()


def _serve(pipe: Connection) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _ask(port: int, token: str, model: str, stream: bool) -> float:
    """Milliseconds of one request on a connection of its own, as Aider makes it."""
    messages = [{"role": "user", "content": "x" * 1400}]
    body = json.dumps({"model": model, "messages": messages, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    end = b"data: [DONE]\n\n" if stream else b'"completion_tokens": 9}}'
    await reader.readuntil(end)
    writer.close()
    return (time.perf_counter() - started) * 1000


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


async def _compare(shim: Shim, upstream: int, stream: bool) -> tuple[float, float, float, float]:
    """(direct p50 ms, through the shim p50 ms, p95 ms, CPU ms of the shim per request)."""
    direct, through = [], []
    for _ in range(20):
        await _ask(shim.port, shim.token, "fake", stream)
    before = _cpu_ms(shim.process.pid)
    for _ in range(ROUNDS):
        direct.append(await _ask(upstream, "none", "m", stream))
        through.append(await _ask(shim.port, shim.token, "fake", stream))
    await asyncio.sleep(1)  # the log of the last requests is written after their last byte
    cpu = (_cpu_ms(shim.process.pid) - before) / ROUNDS
    p95 = statistics.quantiles(through, n=20)[18]
    return statistics.median(direct), statistics.median(through), p95, cpu


def main() -> None:
    """Run both kinds and print what the shim adds."""
    parent, child = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(child,), daemon=True)
    server.start()
    port = parent.recv()
    try:
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            config(home, "main: fake\nweak: fake\n" + free_model(f"http://127.0.0.1:{port}/v1"))
            with Shim(home) as shim:
                _report(shim, port)
    finally:
        server.terminate()
        server.join()


def _report(shim: Shim, port: int) -> None:
    print(f"the shim, {ROUNDS} requests in turns; everything recorded")
    direct, through, p95, cpu = asyncio.run(_compare(shim, port, stream=False))
    print(f"  one answer      direct {direct:.2f} ms, through {through:.2f} (p95 {p95:.2f}):")
    print(
        f"                  added {through - direct:.2f} ms, ratio {through / direct:.1f};", end=""
    )
    print(f" CPU {cpu * 1000:.0f} us a request")
    direct, through, p95, streamed = asyncio.run(_compare(shim, port, stream=True))
    added = through - direct
    print(f"  {CHUNKS} chunks      direct {direct:.2f} ms, through {through:.2f} (p95 {p95:.2f}):")
    print(f"                  added {added * 1000 / CHUNKS:.1f} us a chunk,", end="")
    print(f" CPU {(streamed - cpu) * 1000 / CHUNKS:.1f} us a chunk")


if __name__ == "__main__":
    sys.exit(main())
