"""The keys that a shim holds are nowhere but in its memory, and nobody looks into that."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.known_secrets import forms
from tests.fakes import changed_shim, intruder, unprivileged
from tests.fakes.leaks import files_with
from tests.fakes.parrot import Parrot
from tests.fakes.shim_client import Shim, config, free_model

# Neither shaped like a key nor named beside its value: only exact match can find it.
CANARY = "canary/bird+9f8e7d6c5b4a=sings"
PLAIN = "canary-in-dotenv-1234"


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    with Parrot() as upstream:
        yield upstream


def _home(home: Path, upstream: Parrot, more: str = "") -> Path:
    config(home, f"main: fake\nweak: fake\n{more}" + free_model(upstream.url, key_env="BIRD"))
    return home


def _ask(shim: Shim, text: str, **body: object) -> None:
    """One request with the key in the prompt, the role and a tool's arguments."""
    called = {"function": {"name": "run", "arguments": json.dumps({"cmd": f"echo {CANARY}"})}}
    messages = [
        {"role": CANARY, "content": " ".join(set(forms(CANARY)))},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "user", "content": [{"type": "text", "text": text}]},
        {"role": "user", "content": text},
    ]
    shim.chat(stream=True, messages=messages, **body)


@pytest.mark.parametrize("kept", ["redacted", "full", "none"])
def test_a_key_that_is_repeated_everywhere_is_stored_nowhere(
    tmp_path: Path, parrot: Parrot, kept: str
) -> None:
    home = _home(tmp_path / "home", parrot, f"log: {{text: {kept}}}\n")
    with Shim(home, env={"BIRD": CANARY}) as shim:
        for text in (f"say {CANARY}", f"fail {CANARY}"):
            _ask(shim, text)
        event = {"id": "e1", "type": "error", "text": CANARY, "files": [CANARY], "o": {CANARY: 1}}
        assert shim.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204
        done = "SELECT * FROM exchanges WHERE status = ?"
        answered, failed = shim.wait_row(done, "ok"), shim.wait_row(done, "error")
        texts = [row["text"] for row in shim.rows("SELECT text FROM messages")]
        assert not files_with(CANARY, home)
        signal = shim.rows("SELECT data FROM signals")[0]["data"]
    assert not files_with(CANARY, home)
    assert parrot.keys == {CANARY}
    mark = "[REDACTED:known]"
    assert [answered["served_model"], answered["finish_reason"]] == [mark, mark]
    assert mark in failed["error"]
    assert json.loads(answered["usage_raw"])["prompt_tokens"] == 3
    assert mark in signal
    assert all(text is None if kept == "none" else mark in text or not text for text in texts)


def test_a_key_from_the_keyring_is_known_before_the_first_row_is_written(
    tmp_path: Path, parrot: Parrot
) -> None:
    home = _home(tmp_path / "home", parrot)
    with Shim(home, env={"DRAWER": CANARY}, command=_changed(home, "keyring")) as shim:
        _ask(shim, f"say {CANARY}")
        shim.wait_row("SELECT 1 FROM exchanges WHERE status = 'ok'")
        assert not files_with(CANARY, home)
    assert not files_with(CANARY, home)


def test_the_values_of_the_projects_env_file_are_not_stored(
    tmp_path: Path, parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    (project / ".env").write_text(f"DATABASE_PASSWORD={PLAIN}\n")
    monkeypatch.chdir(project)
    with Shim(_home(home, parrot), env={"BIRD": CANARY}) as shim:
        _ask(shim, f"connect with {PLAIN}")
        shim.wait_row("SELECT 1 FROM exchanges WHERE status = 'ok'")
    assert not files_with(PLAIN, home)


def test_an_upstreams_words_cannot_steer_the_terminal_that_shows_them(
    tmp_path: Path, parrot: Parrot
) -> None:
    with Shim(_home(tmp_path / "home", parrot), env={"BIRD": CANARY}) as shim:
        text = "fail \x1b]0;owned\x07\x1b[2J\x9b8m\u202eend"
        body = shim.chat(messages=[{"role": "user", "content": text}])[2]
    message = json.loads(body)["error"]["message"]
    assert "fail 8mend" in message
    assert not set(message) & set("\x1b\x07\x9b\u202e")


def test_an_upstreams_error_that_quotes_the_key_reaches_no_client_with_it(
    tmp_path: Path, parrot: Parrot
) -> None:
    with Shim(_home(tmp_path / "home", parrot), env={"BIRD": CANARY}) as shim:
        body = shim.chat(messages=[{"role": "user", "content": f"fail {CANARY}"}])[2]
    message = json.loads(body)["error"]["message"]
    assert "[REDACTED:known]" in message
    assert not [form for form in forms(CANARY) if form in message]


def _changed(home: Path, what: str) -> list[str]:
    return [sys.executable, "-I", changed_shim.__file__, what, "--home", str(home)]


def test_a_fault_while_a_key_is_loaded_is_logged_without_it(tmp_path: Path, parrot: Parrot) -> None:
    home = _home(tmp_path / "home", parrot)
    with Shim(home, env={"BIRD": CANARY}, command=_changed(home, "answer")) as shim:
        status, _, body = shim.chat(stream=True)
        assert status == 400
    log = (home / "logs" / "shim.log").read_text("utf-8")
    assert "a fault: {" in log
    assert "Bearer [REDACTED:known]" in log
    assert "Traceback" in log
    assert not files_with(CANARY, home)
    assert CANARY not in body.decode()


def test_a_shim_that_fails_at_its_start_says_three_lines_without_a_key(
    tmp_path: Path, parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIRD_TOKEN", CANARY)
    home = _home(tmp_path / "home", parrot)
    done = subprocess.run(_changed(home, "start"), capture_output=True, text=True)
    assert done.returncode == 1
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert "RuntimeError" in done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert "a fault: {" in (home / "logs" / "shim.log").read_text("utf-8")
    assert not files_with(CANARY, home)


def _looked_at(pid: int) -> dict[str, str]:
    command = [*unprivileged.prefix(), sys.executable, "-I", intruder.__file__, str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can close a process to others")
def test_a_shim_cannot_be_looked_into_by_the_same_user(tmp_path: Path, parrot: Parrot) -> None:
    home = _home(tmp_path / "home", parrot)
    unprivileged.give(home)
    shim = [*unprivileged.prefix(), sys.executable, "-I", "-m", "lodestar_shim"]
    with Shim(home, env={"BIRD": CANARY}, command=[*shim, "--home", str(home)]) as running:
        denied = _looked_at(running.process.pid)
    assert set(denied.values()) <= {"Permission denied", "Operation not permitted"}
    program = [*unprivileged.prefix(), sys.executable, "-c", "print(1, flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        # Any other program of theirs can be: what was denied was denied by the shim.
        assert set(_looked_at(other.pid).values()) == {"open"}
        other.communicate(b"\n")


def test_a_shim_leaves_no_core_file(tmp_path: Path, parrot: Parrot) -> None:
    home = _home(tmp_path / "home", parrot)
    allowed = ["sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh"]
    shim = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(home)]
    with Shim(home, command=[*allowed, *shim]) as running:
        soft, _ = resource.prlimit(running.process.pid, resource.RLIMIT_CORE)
    assert soft == 0
