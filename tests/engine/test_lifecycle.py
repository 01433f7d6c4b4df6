"""One engine a home, which comes and goes as it is needed."""

import http.client
import os
import signal
import stat
from pathlib import Path

import pytest


def test_the_ready_line_names_socket_and_process(engine):
    socket = Path(engine.ready["socket"])
    assert engine.ready == {"ready": True, "socket": str(socket), "pid": engine.process.pid}
    assert socket == engine.home / "run" / "engine.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE((engine.home / "run").stat().st_mode) == 0o700


def test_a_second_engine_leaves_quietly_and_the_first_goes_on(start_engine):
    first = start_engine()
    second = start_engine()
    assert (second.ready, second.process.wait(20)) == ({}, 0)
    assert first.health()["pid"] == first.process.pid


def test_an_engine_takes_over_from_one_that_was_killed(start_engine):
    first = start_engine()
    first.process.kill()
    first.process.wait()
    assert Path(first.ready["socket"]).exists()
    second = start_engine()
    assert second.chat("hello").status == 200


def test_no_key_is_in_the_environment_of_the_engine(engine):
    names = {
        entry.split(b"=")[0].decode()
        for entry in Path(f"/proc/{engine.process.pid}/environ").read_bytes().split(b"\0")
        if entry
    }
    assert "OPENAI_API_KEY" not in names
    assert "LC_MESSAGES" in names
    assert names <= {"PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "LODESTAR_HOME"} | {
        name for name in names if name.startswith(("LC_", "OMP_"))
    }


def test_a_model_nobody_uses_is_unloaded_and_loaded_again(start_engine):
    engine = start_engine("--idle-unload", "0.2")
    first = engine.chat("hello")
    assert engine.until(lambda health: not health["loaded"])["requests"] == 0
    assert engine.chat("hello").text == first.text


def test_a_lease_keeps_the_engine_and_its_end_lets_it_go(start_engine):
    # The model is unloaded after more time than the engine would stay without the lease.
    engine = start_engine("--idle-exit", "0.3", "--idle-unload", "0.6")
    with engine.open("GET", "/v1/lease") as lease:
        assert lease.readline() == b"\n"
        engine.chat("hello")
        assert engine.until(lambda health: not health["loaded"])["leases"] == 1
    assert engine.process.wait(20) == 0
    assert not Path(engine.ready["socket"]).exists()


def test_a_signal_cuts_off_what_runs_and_leaves_nothing_behind(start_engine):
    engine = start_engine()
    messages = [{"role": "user", "content": "A long prompt. " * 180}]
    body = {"model": "small", "messages": messages, "stream": True, "temperature": 5}
    with engine.open("POST", "/v1/chat/completions", body) as response:
        response.readline()
        os.kill(engine.process.pid, signal.SIGTERM)
        assert engine.process.wait(20) == 0
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert sorted(path.name for path in (engine.home / "run").iterdir()) == ["engine.lock"]
