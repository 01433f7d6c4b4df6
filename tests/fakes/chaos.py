"""A provider that fails in every way, bills what it did, and writes down the truth.

As a program:

    python -m tests.fakes.chaos --truth FILE [--price-in 3000] [--price-out 15000] [--port 0]
        [--mode good] [--seed 0] [--delay-ms 0] [--most 400] [--events FILE]

It prints its base URL, /v1 included, as its first line, and serves until it is killed or its
stdin, where that is a pipe, closes. Prices are nano-dollars a token.

Truth: for each request that it bills, one line is appended to FILE by a single write, at the
moment the request is complete and before anything is answered:

    {"id": <X-Request-Id>, "input": tokens, "output": tokens, "usd_nano": price, "mode": mode}

The input is at most the bytes of the messages' texts, the output at most the `max_tokens` that
were sent and at most `--most` (mode `overrun`: ten times `max_tokens`). A request that is turned
away (4xx but 408) is not billed. `--events` gets a line `{"id", "event", "mode", "at"}` for each
request that was `asked`, and that was `done` or whose client was `gone`; `at` is a monotonic time
in seconds.

The mode of a request is, in this order: the last word of its model's name after `chaos-`
(`chaos-rst`), the last word between [[ and ]] in its messages, or `--mode`; the mode `random` is
drawn from `--seed` and the number of the request. The modes are in chaos_answers.py.

In a test, with its own process:

    with Chaos(tmp_path) as chaos:
        ...                      # talk to chaos.url
        assert chaos.truth()
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fakes.chaos_answers import MODES, Bill, stream, whole

OVERRUN_PAUSE_S = 5
ROOT = Path(__file__).parents[2]
_MARK = re.compile(r"\[\[(\w+)\]\]")


class Provider:
    """Serves; one object a process."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._truth = _append(options.truth)
        self._events = _append(options.events) if options.events else None
        self._count = 0

    async def serve(self) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._options.port)
        port = server.sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}/v1", flush=True)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            headers, body = await _request(reader)
            bill = self._bill(headers.get("x-request-id", ""), body)
            self._note(bill, "asked")
            answer = asyncio.create_task(self._answer(bill, body, writer))
            gone = asyncio.create_task(reader.read())
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            self._note(bill, "done" if answer.done() and not answer.exception() else "gone")
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
        writer.close()

    def _bill(self, id: str, body: bytes) -> Bill:
        """Decide what the request costs, and write it down before anything is answered."""
        self._count += 1
        draw = random.Random(f"{self._options.seed}/{self._count}")
        asked = json.loads(body)
        mode = _mode(asked, self._options.mode, draw)
        cap = int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 4096)
        output = draw.randint(1, min(cap, self._options.most))
        shown = max(1, output // 3) if mode == "hidden" else output
        if mode == "overrun":
            output = shown = 10 * cap
        texts = sum(len(str(m.get("content")).encode()) for m in asked["messages"])
        bill = Bill(id, mode, draw.randint(1, texts), output, shown)
        if not mode.isdigit() or mode in ("408", "500", "503"):
            nano = bill.input * self._options.price_in + output * self._options.price_out
            line = {"id": id, "input": bill.input, "output": output, "usd_nano": nano}
            os.write(self._truth, json.dumps({**line, "mode": mode}).encode() + b"\n")
        return bill

    def _note(self, bill: Bill, what: str) -> None:
        if self._events is not None:
            line = {"id": bill.id, "event": what, "mode": bill.mode, "at": time.monotonic()}
            os.write(self._events, json.dumps(line).encode() + b"\n")

    async def _answer(self, bill: Bill, body: bytes, writer: asyncio.StreamWriter) -> None:
        pause = 0.3 if bill.mode == "slow" else self._options.delay_ms / 1000
        asked = json.loads(body)
        pieces = stream(bill) if asked.get("stream") else whole(bill)
        for number, piece in enumerate(pieces):
            if bill.mode == "overrun" and number == len(pieces) * 9 // 10 > 9:
                # Time to see that it is too much.
                await asyncio.sleep(OVERRUN_PAUSE_S)
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        await self._end(bill, writer)

    async def _end(self, bill: Bill, writer: asyncio.StreamWriter) -> None:
        if bill.mode == "rst":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif bill.mode == "halfclose":
            writer.write_eof()
            await asyncio.sleep(3600)
        elif bill.mode == "stall":
            await asyncio.sleep(3600)


def _append(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    return headers, await reader.readexactly(int(headers.get("content-length", 0)))


def _mode(asked: dict[str, Any], default: str, draw: random.Random) -> str:
    named = str(asked.get("model", "")).rpartition("chaos-")[2]
    marks = _MARK.findall(json.dumps(asked["messages"]))
    mode = next((m for m in (named, *marks[-1:], default) if m in (*MODES, "random")), "good")
    return draw.choice(sorted(MODES)) if mode == "random" else mode


def _leave_with_stdin() -> None:
    sys.stdin.read()
    # All that is written is written.
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--truth", required=True)
    parser.add_argument("--events")
    for name, default in (("price-in", 3000), ("price-out", 15000), ("port", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--mode", default="good", choices=[*MODES, "random"])
    for name, default in (("seed", 0), ("delay-ms", 0), ("most", 400)):
        parser.add_argument(f"--{name}", type=int, default=default)
    provider = Provider(parser.parse_args(arguments))
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_leave_with_stdin, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(provider.serve())


class Chaos:
    """The provider as a process of its own, for the length of a `with`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._files = folder / "truth.jsonl", folder / "events.jsonl"
        self._read = self._billed = 0
        files = ("--truth", str(self._files[0]), "--events", str(self._files[1]))
        self._command = [sys.executable, "-m", "tests.fakes.chaos", *files, *options]

    def __enter__(self) -> Chaos:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True
        )
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the chaos provider did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=20)

    def truth(self) -> list[dict[str, Any]]:
        """What was billed so far."""
        return _lines(self._files[0])

    def billed(self) -> int:
        """The sum of it, nano-dollars; what was read before is not read again."""
        with open(self._files[0], "rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if whole:
            self._read += len(whole) + 1
            self._billed += sum(json.loads(line)["usd_nano"] for line in whole.split(b"\n"))
        return self._billed

    def events(self, what: str) -> list[dict[str, Any]]:
        """The requests that were `asked`, `done` or `gone` so far."""
        return [line for line in _lines(self._files[1]) if line["event"] == what]


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


if __name__ == "__main__":
    main(sys.argv[1:])
