"""`lodestar shim start|stop|status` with real shims: begun, found again, ended."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shim_place import Place, cleared, three_lines
from tests.fakes.leaks import files_with, processes_with
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

HELLO = "Hello from the fake upstream."


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Upstream() as upstream, cleared(Place(tmp_path, upstream)) as found:
        yield found


def test_what_start_begins_answers_any_client_until_stop(place: Place) -> None:
    started = place.start()
    assert f"the shim runs on http://127.0.0.1:{place.port}/v1" in started.err
    assert "lodestar shim env" in started.err
    assert started.out == ""
    assert place.ask_by_curl()["choices"][0]["message"]["content"] == HELLO
    shim = wait_for(lambda: _after(place, 1))
    assert (shim["port"], shim["requests"], shim["failed"]) == (place.port, 1, 0)
    assert {"local-coder", "paid"} <= set(shim["models"])
    stopped = place.run("stop")
    assert stopped.code == 0
    assert f"stopped the shim on port {place.port}" in stopped.err
    assert place.processes() == []
    assert place.status() == (1, [])
    ended = place.rows("SELECT end_reason, ended_ms IS NOT NULL AS ended FROM sessions")
    assert ended == [{"end_reason": "stopped", "ended": 1}]
    asked = place.rows("SELECT session_id, status FROM exchanges")
    assert asked == [{"session_id": shim["session"], "status": "ok"}]


def test_the_api_key_stays_and_is_the_users_alone(place: Place) -> None:
    place.start()
    token = (place.home / "shim_token").read_text().strip()
    assert place.note()["token"] == token
    pids = place.processes()
    for path in (place.home / "shim_token", place.note_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not processes_with(token, pids)
    place.stop()
    place.start()
    assert place.note()["token"] == token
    place.stop()
    place.start("--new-token")
    newer = place.note()["token"]
    assert newer != token
    assert not files_with(token, place.home)
    assert place.ask()["choices"]


def test_a_second_start_says_that_one_runs(place: Place) -> None:
    place.start()
    (before,) = place.processes()
    again = place.start()
    assert f"the shim runs already on http://127.0.0.1:{place.port}/v1 (pid {before})" in again.err
    assert place.processes() == [before]
    for other in ("--free-only", "--new-token", "--budget=1"):
        what, why, do = three_lines(place.run("start", "--port", str(place.port), other).err)
        assert what == f"a shim runs already on port {place.port}"
        assert str(before) in why
        assert "lodestar shim stop" in do
    assert place.status()[1][0]["free_only"] is False


def test_two_starts_at_once_are_one_shim(place: Place) -> None:
    command = ("start", "--port", str(place.port), "--json")
    with place.program(*command) as one, place.program(*command) as other:
        pages = [json.loads(process.communicate(timeout=120)[0]) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0]
    assert len({page["data"][0]["pid"] for page in pages}) == 1
    assert len(place.processes()) == 1


def test_free_only_and_budget_hold_for_it_too(place: Place) -> None:
    place.start("--free-only", "--budget", "0.5", PAID_KEY="a-key-of-somebody")
    answer = place.ask("paid")
    assert answer["choices"]
    assert [chat.headers.get("Authorization") for chat in place.upstream.chats] == [None]
    shim = wait_for(lambda: _after(place, 1))
    assert shim["free_only"] is True
    assert any("free only" in text for text in shim["notices"])
    assert place.rows("SELECT alias FROM attempts") == [{"alias": "local-coder"}]
    place.stop()
    place.upstream.clear()
    place.start("--budget", "0", PAID_KEY="a-key-of-somebody")
    assert place.ask("paid")["choices"]
    assert [chat.headers.get("Authorization") for chat in place.upstream.chats] == [None]
    assert "session limit" in wait_for(lambda: _after(place, 1))["notices"][0]


def _after(place: Place, requests: int) -> dict[str, Any] | None:
    """What status says once so many requests are over, with all that they bring about."""
    code, (shim,) = place.status()
    assert code == 0
    return shim if shim["requests"] == requests else None


def test_a_paid_call_is_charged_and_shown(place: Place) -> None:
    place.start("--profile", "default", PAID_KEY="a-key-of-somebody")
    assert place.ask("paid")["choices"]
    assert place.upstream.chats[0].headers["Authorization"] == "Bearer a-key-of-somebody"
    (charge,) = wait_for(lambda: place.rows("SELECT cash_nano FROM charges"))
    assert charge["cash_nano"] > 0
    shim = wait_for(lambda: _after(place, 1))
    assert shim["cash_nano"] == charge["cash_nano"]
    assert shim["profile"] == "default"
    assert not processes_with("a-key-of-somebody", place.processes())
    assert not files_with("a-key-of-somebody", place.home)


def test_one_in_the_foreground_is_found_too(place: Place) -> None:
    with place.program("serve", "--port", str(place.port)) as serving:
        assert serving.stdout
        ready = json.loads(serving.stdout.readline())
        assert (ready["port"], ready["pid"]) == (place.port, serving.pid)
        _, (shim,) = place.status()
        assert (shim["pid"], shim["background"]) == (serving.pid, False)
        assert place.ask()["choices"]
        assert not (place.home / "shim_token").exists()
        taken = place.run("start", "--port", str(place.port))
        assert "in the foreground" in three_lines(taken.err)[1]
        place.stop()
        assert serving.wait(60) == 0


def test_serve_takes_the_kept_key_where_it_is_told_to(place: Place) -> None:
    key = place.run("token").out.strip()
    with place.program("serve", "--port", str(place.port), "--keep-token") as serving:
        assert serving.stdout
        assert json.loads(serving.stdout.readline())["token"] == key
        place.stop()
        assert serving.wait(60) == 0


def test_where_several_run_the_port_says_which(place: Place, tmp_path: Path) -> None:
    first = place.port
    place.start()
    place.port = Place(tmp_path, place.upstream).port
    place.start("--free-only")
    assert {shim["port"] for shim in place.status()[1]} == {first, place.port}
    done = place.run("stop")
    assert done.code == 2
    assert str(first) in three_lines(done.err)[1]
    assert place.run("stop", "--port", str(first)).code == 0
    assert [shim["port"] for shim in place.status()[1]] == [place.port]
    assert place.run("status", "--port", str(first)).code == 1
