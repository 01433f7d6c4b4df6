"""The limits of a session's time: what is answered after the end, and what puts it off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clocked_shim import IN_THE_FUTURE, SHIFTED, ClockedShim
from tests.fakes.shim_client import Shim, config, free_model, wait_for
from tests.fakes.upstream import Upstream

HOUR = {"session_minutes": 60}


@pytest.fixture
def home(tmp_path: Path, upstream: Upstream) -> Path:
    """A home whose model is the fake one."""
    upstream.clear()
    config(tmp_path, "main: fake\nweak: fake\n" + free_model(upstream.url))
    return tmp_path


def test_after_the_end_the_turn_under_way_is_finished_and_no_other(
    home: Path, upstream: Upstream
) -> None:
    with ClockedShim(home, HOUR) as shim:
        assert shim.ask(1) == 200
        shim.tell("idle", turn=1, model="fake")
        shim.tell("turn", turn=2, text_len=5)
        assert shim.poll()["end"] is None
        shim.forward(1)
        end = shim.poll()["end"]
        assert (end["kind"], end["minutes"]) == ("time limit", 60)
        # The edit itself, its reflection, its commit message.
        assert [shim.ask(2), shim.ask(2, "reflection"), shim.ask(2, "commit_message")] == [200] * 3
        assert [shim.ask(1), shim.ask(3), shim.ask()] == [400] * 3
        shim.tell("idle", turn=2, model="fake")
        assert shim.ask(2) == 400
        assert [shim.ask(2, "commit_message"), shim.ask(2, "summary")] == [200, 200]
        assert len(upstream.chats) == 6


def test_a_shim_that_is_killed_after_the_end_lets_the_turn_finish_all_the_same(
    home: Path,
) -> None:
    with ClockedShim(home, HOUR) as shim:
        assert shim.ask(4) == 200
        shim.wait_row("SELECT 1 FROM exchanges WHERE status = 'ok'")
        os.kill(shim.process.pid, signal.SIGKILL)
        shim.process.wait(10)
    with ClockedShim(home, HOUR) as shim:
        shim.forward(27)
        assert [shim.ask(4, "reflection"), shim.ask(5)] == [200, 400]


def test_a_refusal_after_the_end_is_clear_and_asks_for_no_retry(
    home: Path, upstream: Upstream
) -> None:
    with ClockedShim(home, HOUR) as shim:
        shim.forward(27)
        status, headers, body = shim.chat(stream=True)
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (400, "session_ended")
        assert error["message"].startswith("\n\n  Lodestar stopped this request:")
        assert "this session's time is up (1 h)" in error["message"]
        assert headers["x-should-retry"] == "false"
    assert not upstream.chats
    assert not shim.rows("SELECT 1 FROM exchanges")


def test_an_answer_that_is_streaming_at_the_end_is_finished(home: Path, upstream: Upstream) -> None:
    upstream.script("hold")
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        status, _, body = shim.chat(stream=True)
        answers.append((status, body))

    with ClockedShim(home, HOUR) as shim:
        thread = threading.Thread(target=ask)
        thread.start()
        upstream.wait_requests(1)
        shim.forward(2)
        assert shim.poll()["end"]
        upstream.release()
        thread.join(20)
    assert answers[0][0] == 200
    assert b"upstream." in answers[0][1]
    assert answers[0][1].rstrip().endswith(b"[DONE]")


def test_an_extension_holds_from_now_on_and_outlives_the_shim(home: Path) -> None:
    with ClockedShim(home, HOUR) as shim:
        shim.forward(3)
        assert shim.ask(1) == 400
        assert shim.extend(15) == (200, {"minutes": 196})
        answer = shim.poll()
        assert (answer["end"], answer["status"]) == (None, ["15 min left"])
        assert "the session goes on: 15 min left" in shim.texts()
        assert shim.ask(1) == 200
        # Before the end it is added to the end.
        assert shim.extend(30) == (200, {"minutes": 226})
        os.kill(shim.process.pid, signal.SIGKILL)
        shim.process.wait(10)
    with ClockedShim(home, HOUR) as shim:
        shim.forward(3.5)
        assert shim.poll()["status"] == ["15 min left"]
        assert shim.rows("SELECT session_minutes FROM sessions") == [{"session_minutes": 226}]


@pytest.mark.parametrize("minutes", [0, -1, 1441, 1.5, True, "15", None, [15]])
def test_an_extension_that_is_no_number_of_minutes_is_refused(
    minutes: Any, running: ClockedShim
) -> None:
    before = running.poll()["status"]
    status, answer = running.extend(minutes)
    assert (status, answer["error"]["code"]) == (400, "invalid_request")
    assert running.poll()["status"] == before


def test_who_has_no_token_extends_nothing(running: ClockedShim) -> None:
    headers = {"Authorization": "Bearer guess"}
    assert running.request("POST", "/lodestar/v1/extend", {"minutes": 15}, headers)[0] == 401


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Any:
    """A session of an hour, shared by tests that change nothing."""
    home = tmp_path_factory.mktemp("home")
    config(home, "main: fake\nweak: fake\n" + free_model(upstream.url))
    with ClockedShim(home, HOUR) as shim:
        yield shim


def test_an_idle_session_is_warned_and_ended_for_good(home: Path, upstream: Upstream) -> None:
    with ClockedShim(home, {"idle_minutes": 30}) as shim:
        upstream.script("hang")
        thread = threading.Thread(target=shim.ask)
        thread.start()
        upstream.wait_requests(1)
        # A long answer is no idle time, and neither is a turn that runs its tests.
        shim.forward(2)
        assert shim.poll()["end"] is None
        shim.tell("turn", turn=1)
        upstream.release()
        thread.join(20)
        shim.forward(2)
        assert shim.poll()["end"] is None
        shim.tell("idle", turn=1, model="fake")
        shim.forward(25 / 60)
        left = "without a request this session ends in 4 min (limits.idle_minutes)"
        assert shim.texts() == [left]
        shim.forward(6 / 60)
        assert shim.poll()["end"]["kind"] == "idle limit"
        assert shim.extend(15)[0] == 400
        assert shim.ask(2) == 400


def test_a_session_without_limits_cannot_be_extended_and_never_ends(home: Path) -> None:
    with ClockedShim(home, {}) as shim:
        shim.forward(24 * 365)
        assert shim.poll() == {"notices": [], "end": None, "status": []}
        assert shim.extend(15)[1]["error"]["code"] == "no_time_limit"


def test_a_shim_for_other_clients_ends_by_its_profiles_limit(
    home: Path, upstream: Upstream
) -> None:
    (home / "profiles").mkdir()
    (home / "profiles" / "short.yaml").write_text("limits: {session_minutes: 60}")
    (home / "ahead").write_text("0")
    program = [sys.executable, "-I", str(SHIFTED), str(home / "ahead")]
    with Shim(home, command=[*program, "--home", str(home), "--profile", "short"]) as shim:
        assert shim.chat()[0] == 200
        (home / "ahead").write_text("3601")
        assert shim.chat()[0] == 400
    assert len(upstream.chats) == 1


@pytest.mark.parametrize(("counts", "over"), [(True, True), (False, False)])
def test_time_asleep_counts_unless_it_is_told_not_to(home: Path, counts: bool, over: bool) -> None:
    """The shim runs where the machine has been up for 27 hours more than it was awake."""
    tried = subprocess.run([*IN_THE_FUTURE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"this system makes no time namespace: {tried.stderr.strip()}")
    limits = {**HOUR, "count_suspend": counts}
    with ClockedShim(home, limits, before=IN_THE_FUTURE) as shim:
        assert (shim.poll()["end"] is not None) is over
        assert shim.poll()["status"] == (["time is up"] if over else ["59 min left"])
        assert shim.ask(1) == (400 if over else 200)


def test_a_stopped_shim_knows_when_it_goes_on_that_the_time_is_up(
    home: Path, upstream: Upstream
) -> None:
    with ClockedShim(home, HOUR) as shim:
        os.kill(shim.process.pid, signal.SIGSTOP)
        shim.forward(27)
        os.kill(shim.process.pid, signal.SIGCONT)
        wait_for(lambda: shim.poll()["end"])
        assert shim.ask(1) == 400
        assert not upstream.chats
