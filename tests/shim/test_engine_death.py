"""The embedded engine killed in the middle of an answer."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import string
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.fakes.shim_client import Shim

MODEL = "local-coder"


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    """A shim on the demo model; its engine is stopped at the end."""
    with Shim(tmp_path, env={"LODESTAR_HOME": str(tmp_path)}) as running:
        yield running
    for pid in _engines(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _engines(home: Path) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if b"lodestar_engine" in command and str(home).encode() in command:
                found.append(int(folder.name))
    return found


def test_an_engine_killed_in_an_answer_is_replaced_for_the_next(shim: Shim) -> None:
    """An answer may be complete before the signal is there; then the next one is tried."""
    for seed in range(20):
        before, rest = _killed_in_its_answer(shim, seed)
        if b"[DONE]" not in rest:
            break
    assert shim.wait_row("SELECT error FROM exchanges WHERE status = 'error'")["error"]
    status, _, body = shim.chat(MODEL)
    assert (status, json.loads(body)["object"]) == (200, "chat.completion")
    assert before not in _engines(shim.home)


def _killed_in_its_answer(shim: Shim, seed: int) -> tuple[int, bytes]:
    """The engine's pid, and what still came of a long answer."""
    words = "".join(random.Random(seed).choices(string.ascii_letters, k=1000))
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": words}],
        "stream": True,
        "temperature": 5,
        "seed": seed,
    }
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    with closing(shim.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        while b'"role"' not in answer.readline():
            continue
        (engine,) = _engines(shim.home)
        os.kill(engine, signal.SIGKILL)
        with suppress(http.client.HTTPException, OSError):
            return engine, answer.read()
        return engine, b""
