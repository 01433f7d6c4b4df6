"""The translator's process: started by the shim, private, gone with it, started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.test_imports import ROOT, breaches, sources
from tests.fakes.anthropic import Anthropic, event
from tests.fakes.shim_client import Shim, config, state, wait_for
from tests.fakes.wire import PAUSE, Got, head
from tests.translator.conftest import CLAUDE, KEY, LIMITS, claude_home


def translators(shim: Shim) -> list[int]:
    """The translators that a shim has started and that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(parent) == shim.process.pid and b"lodestar_translator" in arguments:
            found.append(int(folder.name))
    return [pid for pid in found if state(pid) not in ("", "Z")]


def own_socket(shim: Shim) -> Path:
    """Where the shim's translator listens."""
    return shim.home / "run" / f"translator-{shim.process.pid}.sock"


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("translator", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(os.fspath(self._path))


def _ask_directly(shim: Shim, token: str) -> tuple[int, Any]:
    body = json.dumps({"model": CLAUDE["model"], "messages": []})
    with closing(_Unix(own_socket(shim))) as connection:
        connection.request("POST", "/v1/chat/completions", body, {"X-Lodestar-Token": token})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


@contextmanager
def _asked(shim: Shim, words: str, stream: bool = False) -> Iterator[http.client.HTTPConnection]:
    """A connection on which Claude was asked something."""
    prompt = [{"role": "user", "content": words}]
    body = json.dumps({"model": "claude", "stream": stream, "messages": prompt})
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    with closing(shim.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", body, headers)
        yield connection


@pytest.fixture
def own(provider: Anthropic, tmp_path: Path) -> Iterator[Shim]:
    """A shim of the test's own."""
    home = claude_home(tmp_path, provider.address)
    keys = {"LODESTAR_HOME": str(home), "CLAUDE_TEST_KEY": KEY}
    with Shim(home, env=keys, limits=LIMITS) as shim:
        yield shim


def test_it_is_started_ahead_of_the_first_request_and_leaves_with_the_shim(
    own: Shim, provider: Anthropic
) -> None:
    (pid,) = wait_for(lambda: translators(own))
    assert not provider.requests
    assert own.chat("claude")[0] == 200
    assert translators(own) == [pid]
    own.stop()
    wait_for(lambda: not state(pid))
    assert not own_socket(own).exists()


def test_it_leaves_where_the_shim_is_killed(own: Shim) -> None:
    (pid,) = wait_for(lambda: translators(own))
    own.process.kill()
    wait_for(lambda: not state(pid))


def test_it_is_private_and_holds_no_key(shim: Shim) -> None:
    (pid,) = translators(shim)
    assert stat.S_IMODE(own_socket(shim).stat().st_mode) == 0o600
    assert stat.S_IMODE(own_socket(shim).parent.stat().st_mode) == 0o700
    # What it was started with, root may read; nobody else may.
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert KEY.encode() not in environment
    assert b"CLAUDE_TEST_KEY" not in environment
    assert shim.token.encode() not in environment
    assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
    # Only the import has stepped back; answers are as quick as ever.
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize("token", ["", "guess", "\xe4"], ids=["none", "guess", "odd"])
def test_it_answers_nobody_but_its_shim(shim: Shim, provider: Anthropic, token: str) -> None:
    status, body = _ask_directly(shim, token)
    assert (status, body["error"]["message"]) == (401, "the token is wrong")
    assert not provider.requests


def test_a_crash_is_one_clear_error_and_the_next_request_works(
    shim: Shim, provider: Anthropic
) -> None:
    provider.answer = lambda _: [head("application/json"), PAUSE]
    (pid,) = translators(shim)
    with _asked(shim, "crash") as connection:
        provider.wait_requests(1)
        os.kill(pid, signal.SIGKILL)
        answer = connection.getresponse()
        assert answer.status == 400
        assert "Lodestar's translator died" in json.loads(answer.read())["error"]["message"]
    provider.answer = provider.message
    assert shim.chat("claude")[0] == 200
    assert translators(shim) not in ([], [pid])


def test_a_crash_within_a_stream_breaks_it(shim: Shim, provider: Anthropic) -> None:
    def begun(got: Got) -> Iterator[bytes]:
        yield head("text/event-stream")
        yield from [event(part) for part in provider.events(got)][:5]
        yield PAUSE

    provider.answer = begun
    with _asked(shim, "crash later", stream=True) as connection:
        answer = connection.getresponse()
        assert answer.read1()
        os.kill(translators(shim)[0], signal.SIGKILL)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()


def test_a_shim_without_such_a_model_starts_none(provider: Anthropic, tmp_path: Path) -> None:
    free = {"provider": "openai", "api_base": provider.url, "model": "m", "billing": "free"}
    models = {"free": free, "claude": {**CLAUDE, "api_base": provider.address}}
    config(tmp_path, f"main: free\nweak: free\nmodels: {json.dumps(models)}\n")
    keys = {"LODESTAR_HOME": str(tmp_path), "CLAUDE_TEST_KEY": KEY}
    with Shim(tmp_path, env=keys) as shim:
        assert shim.request("GET", "/healthz")[0] == 200
        assert not translators(shim)
        # Any model may be asked for, later.
        assert shim.chat("claude")[0] == 200
        assert len(translators(shim)) == 1


def test_sockets_of_killed_shims_are_removed(own: Shim) -> None:
    wait_for(lambda: own_socket(own).exists())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = own.home / "run" / f"translator-{ended.pid}.sock"
    stale.touch()
    # Started once more, as after a crash.
    os.kill(wait_for(lambda: translators(own))[0], signal.SIGKILL)
    assert own.chat("claude")[0] in (200, 400)
    assert own.chat("claude")[0] == 200
    assert not stale.exists()


def test_nothing_but_the_translator_imports_litellm() -> None:
    others = [ROOT / "lodestar", *(ROOT / "shims").glob("lodestar_[!at]*")]
    assert len(others) == 3
    assert not breaches((p for folder in others for p in sources(folder)), "litellm")
    files = sources(ROOT / "shims" / "lodestar_translator")
    assert {line.split()[0] for line in breaches(files, "litellm")} == {
        "shims/lodestar_translator/library.py"
    }


def test_the_translator_needs_little_of_the_application() -> None:
    found = breaches(sources(ROOT / "shims" / "lodestar_translator"), "lodestar")
    assert not [line for line in found if "lodestar.private" not in line]


@pytest.mark.parametrize("package", ["lodestar_shim", "lodestar_engine", "lodestar.cli"])
def test_litellm_is_not_loaded_by_others(package: str) -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module({package!r})\n"
        "for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    if not found.name.endswith('__main__') or 'shim' in found.name:\n"
        "        importlib.import_module(found.name)\n"
        "sys.exit('litellm' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_nothing_leaves_it_past_its_own_requests(provider: Anthropic) -> None:
    """Neither by litellm's clients for threads, nor by a library that it asks, nor by its loop."""
    program = f"""
import asyncio, socket
from lodestar_translator.library import Library
Library()
import httpx
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

def connects() -> None:
    socket.create_connection(("127.0.0.1", int({provider.address!r}.rpartition(":")[2])))

async def leaves(way) -> str:
    try:
        await way()
    except Exception as error:
        return type(error).__name__
    return "sent"

async def main() -> None:
    print(await leaves(lambda: asyncio.to_thread(connects)))
    print(await leaves(lambda: asyncio.to_thread(HTTPHandler().get, {provider.address!r})))
    print(await leaves(lambda: AsyncHTTPHandler().post({provider.address!r})))

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["ConnectionRefusedError", "BrokenError", "BrokenError"]
    assert not provider.requests
