"""The supervisor's parts, each without a whole session around it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.cli.code import _extra
from lodestar.loading import load
from lodestar.paths import Home
from lodestar.supervisor import head_start, shim_process
from lodestar.supervisor.files import SessionFiles, sweep
from lodestar.supervisor.head_start import HeadStart
from lodestar.supervisor.session import ShimFailedError, _launcher, warn
from lodestar.supervisor.shim_process import ShimProcess
from lodestar.supervisor.signals import Signals
from tests.fakes.shim_client import config, free_model, state, wait_for

SESSION = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@contextmanager
def _running(proven_s: float) -> Iterator[tuple[ShimProcess, Path]]:
    """A supervised shim that has opened its session, and the session's folder."""
    context = load({})
    files = SessionFiles(context, SESSION)
    files.write_shim({})
    shim = ShimProcess(context.home, files.shim, proven_s)
    try:
        shim.start()
        wait_for(context.home.database.exists)
        yield shim, files.folder
    finally:
        shim.stop()


def test_a_shim_that_ran_well_survives_a_slip_in_the_configuration(isolated_home: Path) -> None:
    with _running(proven_s=0.0) as (shim, folder):
        config(isolated_home, "modles: {}\n")
        first = shim.pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: "modles" in shim.error_text())
        config(isolated_home, "")
        assert _status(shim.port, folder) == 200
        assert shim.pid != first
        assert not shim.failed.is_set()


def _status(port: int, folder: Path) -> int:
    """The shim's answer; until there is a shim, the request waits in the socket."""
    token = json.loads((folder / "shim.json").read_text())["token"]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/lodestar/v1/poll", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status


def test_a_shim_that_explains_why_it_never_ran_is_not_tried_again(isolated_home: Path) -> None:
    with _running(proven_s=60.0) as (shim, _):
        config(isolated_home, "modles: {}\n")
        os.kill(shim.pid, signal.SIGKILL)
        assert shim.failed.wait(20)
        assert shim.exit_code == 2
        assert "modles" in shim.error_text()


def test_a_shim_that_cannot_be_started_again_ends_the_session() -> None:
    with _running(proven_s=0.0) as (shim, folder):
        shutil.rmtree(folder)
        os.kill(shim.pid, signal.SIGKILL)
        assert shim.failed.wait(20)
        assert shim.exit_code == 1
        assert "its restart failed" in shim.error_text()


def test_a_shim_that_dies_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim_process, "LONGEST_WAIT_S", 0.01)
    seen: list[int] = []
    with _running(proven_s=0.0) as (shim, _):
        while not shim.failed.is_set():
            if shim.pid not in seen:
                seen.append(shim.pid)
                os.kill(shim.pid, signal.SIGKILL)
            shim.failed.wait(0.01)
        assert len(seen) == shim_process.RESTARTS + 1
        lines = str(ShimFailedError(shim)).splitlines()
    assert [line[:6] for line in lines] == ["error:", "why:  ", "do:   "]
    assert "the last time with signal 9" in lines[1]


def test_a_stopped_shim_is_not_taken_for_dead() -> None:
    with _running(proven_s=0.0) as (shim, folder):
        first = shim.pid
        assert _status(shim.port, folder) == 200
        os.kill(first, signal.SIGSTOP)
        wait_for(lambda: state(first) == "T")
        threading.Timer(1, os.kill, (first, signal.SIGCONT)).start()
        assert _status(shim.port, folder) == 200
        assert shim.pid == first


def test_a_launcher_lives_on_when_the_thread_that_started_it_ends() -> None:
    """Its lifeline is a pipe: a signal on the parent's death comes with the thread's end."""
    started: list[HeadStart] = []

    def start() -> None:
        started.append(HeadStart(sys.executable, os.environ, []))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    (launcher,) = started
    with pytest.raises(subprocess.TimeoutExpired):
        launcher.process.wait(0.5)
    launcher.let_go()
    assert launcher.process.wait(20) == -signal.SIGTERM


def test_a_launcher_without_a_session_is_not_waited_for() -> None:
    launcher = HeadStart(sys.executable, os.environ, [])
    launcher.abandon()
    assert launcher.process.returncode == -signal.SIGTERM


def test_a_head_start_that_holds_a_key_is_replaced(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick look at config.yaml misses a name that is spelled with an escape."""
    monkeypatch.setenv("MY_PLANTED_NAME", "sk-planted")
    entry = free_model("http://127.0.0.1:9", key_env="MY_PLANTED_NAME")
    config(isolated_home, entry.replace("key_env", r"key\x5fenv"))
    with closing_all() as launchers:
        launchers += [HeadStart(sys.executable, os.environ, head_start.configured_keys(os.environ))]
        assert "MY_PLANTED_NAME" in launchers[0].variables
        launchers += [_launcher(load({}), launchers[0])]
        assert launchers[0].process.returncode is not None
        assert "MY_PLANTED_NAME" not in launchers[1].variables


@contextmanager
def closing_all() -> Iterator[list[HeadStart]]:
    launchers: list[HeadStart] = []
    try:
        yield launchers
    finally:
        for launcher in launchers:
            launcher.abandon()


@pytest.mark.parametrize("fails", ["subprocess.Popen", "os.pipe"])
def test_a_head_start_that_cannot_be_had_is_done_without(fails: str, mocker: MockerFixture) -> None:
    mocker.patch(fails, side_effect=BlockingIOError("no more processes"))
    assert head_start.begin() is None


def test_the_folders_of_dead_sessions_go_and_those_of_starting_ones_stay(
    isolated_home: Path,
) -> None:
    run = Home(isolated_home).folder("run")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in ("just started", "started long ago", "alive", "dead", "broken"):
        (run / name).mkdir()
    for file in ("engine.lock", "just started.edits.new", "dead.edits.new"):
        (run / file).touch()
    for name, text in (("alive", os.getpid()), ("dead", dead.pid), ("broken", "x")):
        (run / name / "shim.json").write_text(json.dumps({"owner": text}))
    long_ago = time.time() - 2 * 3600
    os.utime(run / "started long ago", (long_ago, long_ago))
    os.utime(run / "alive", (long_ago, long_ago))
    os.utime(run / "dead.edits.new", (long_ago, long_ago))
    sweep(Home(isolated_home))
    left = ["alive", "engine.lock", "just started", "just started.edits.new"]
    assert sorted(path.name for path in run.iterdir()) == left


def test_a_warning_is_one_line_that_cannot_drive_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    warn(["`a\nerror: b\x1b[2J` is ignored"])
    assert capsys.readouterr().err == "warning: `a error: b` is ignored\n"


def test_no_signal_interrupts_the_supervisor_until_it_allows_it() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), signals.released():
            signal.raise_signal(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert not signals.stop.is_set()
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.stop.wait(10)
        assert signals.stopped_by == signal.SIGHUP


@pytest.mark.parametrize(
    ("problem", "lines"),
    [(KeyboardInterrupt(), 1), (ValueError("a defect"), 0), (OSError("no terminal"), 0)],
)
def test_what_happens_after_aider_is_not_the_sessions_result(
    problem: BaseException,
    lines: int,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with _extra():
        raise problem
    assert len(capsys.readouterr().err.splitlines()) == lines
    assert len(caplog.records) == 1 - lines
