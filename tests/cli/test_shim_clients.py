"""`lodestar shim env|token|logs|status`: what clients and people are told."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.errors import LodestarError
from lodestar.loading import load
from lodestar.paths import Home
from lodestar.supervisor import alone, shim_token
from lodestar.supervisor.free_only import shim_environment
from tests.cli.conftest import Cli
from tests.cli.shim_place import Place, cleared
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

NAMES = ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY"]
URL = "http://127.0.0.1:4000/v1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Upstream() as upstream, cleared(Place(tmp_path, upstream)) as found:
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with a shim, for those who leave it as it is."""
    root = tmp_path_factory.mktemp("root")
    with Upstream() as upstream, cleared(Place(root, upstream)) as found:
        found.start("--free-only")
        yield found
        found.stop()


def test_without_a_shim_the_exports_are_those_of_the_next_one(cli: Cli, home: Home) -> None:
    shown = cli("shim", "env", "--shell", "sh")
    assert shown.code == 0
    key = cli("shim", "token").out.strip()
    assert shown.out.splitlines() == [
        f"export OPENAI_BASE_URL={URL}",
        f"export OPENAI_API_BASE={URL}",
        f"export OPENAI_API_KEY={shlex.quote(key)}",
    ]
    assert "lodestar shim start --port 4000" in shown.err
    assert ":4321/v1" in cli("shim", "env", "--port", "4321").out


@pytest.mark.parametrize(
    ("shell", "first"),
    [
        ("fish", f"set -gx OPENAI_BASE_URL {URL};"),
        ("csh", f"setenv OPENAI_BASE_URL {URL};"),
        ("powershell", f"$env:OPENAI_BASE_URL = '{URL}'"),
    ],
)
def test_each_shell_gets_its_own_words(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch, shell: str, first: str
) -> None:
    assert cli("shim", "env", "--shell", shell).out.splitlines()[0] == first
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}".replace("powershell", "pwsh"))
    assert cli("shim", "env").out.splitlines()[0] == first


def test_programs_get_json(cli: Cli, home: Home) -> None:
    page = json.loads(cli("shim", "env", "--json").out)
    assert page["schema"] == "lodestar.shim_env/1"
    assert list(page["data"]) == NAMES
    assert json.loads(cli("shim", "status", "--json").out)["data"] == []


def test_a_new_token_shuts_out_the_former_one(cli: Cli, home: Home) -> None:
    first = cli("shim", "token").out
    assert cli("shim", "token").out == first
    second = cli("shim", "token", "--new").out
    assert len({first, second, cli("shim", "token").out}) == 2


def test_a_running_shim_is_said_to_take_the_key_it_was_started_with(place: Place) -> None:
    place.start()
    before = place.note()["token"]
    done = place.run("token", "--new")
    assert f"port {place.port} still takes the key" in done.err
    assert before in place.run("env").out
    assert place.ask()["choices"]
    place.stop()
    place.start()
    assert place.note()["token"] == done.out.strip() != before


@pytest.mark.parametrize("text", ["", "short", "x" * 40 + "\nmore", "x y" * 20])
def test_a_token_file_that_holds_none_is_told(home: Home, text: str) -> None:
    shim_token.token_file(home).write_text(text)
    with pytest.raises(LodestarError) as caught:
        shim_token.kept_token(home)
    assert "token --new" in caught.value.do


def test_its_own_key_is_no_key_for_a_provider(home: Home) -> None:
    """`eval "$(lodestar shim env)"`, and then a paid model in the same shell."""
    ephemeral, kept = shim_token.fresh_token(), shim_token.kept_token(home)
    note = home.folder("run") / "shim-4000.json"
    note.write_text(json.dumps({"token": ephemeral}))
    note.with_name("shim-4001.json").write_text("of another version")
    environ = {"OPENAI_API_KEY": kept, "OTHER_API_KEY": f" {ephemeral}\n", "X_API_KEY": "real"}
    assert shim_environment(load(), environ) == {"X_API_KEY": "real"}


def test_status_shows_a_person_what_matters(running: Place) -> None:
    running.ask()
    wait_for(lambda: running.status()[1][0]["requests"])
    shown = running.run("status")
    words = dict(line.split(None, 1) for line in shown.out.splitlines())
    assert shown.code == 0
    assert words["address"] == f"http://127.0.0.1:{running.port}/v1"
    assert words["requests"].startswith("1 (0 without an answer), 0 running now; $0.0000")
    assert words["profile"] == f"default, free only, in {running.folder}"
    assert str(running.home / "shim_token") in shown.out
    assert running.note()["token"] not in shown.out + shown.err


def test_without_a_shim_status_says_how_to_start_it(cli: Cli, home: Home) -> None:
    shown = cli("shim", "status")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err == "the shim does not run; start it: lodestar shim start\n"
    assert "there is no log yet" in cli("shim", "logs").err


def test_one_that_does_not_answer_is_not_running_well(
    running: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "ANSWER_S", 0.3)
    os.kill(running.note()["pid"], signal.SIGSTOP)
    try:
        shown = running.run("status")
        assert shown.code == 1
        assert "it does not answer" in shown.err
        assert running.status()[1][0]["answers"] is False
    finally:
        os.kill(running.note()["pid"], signal.SIGCONT)


def test_logs_show_the_last_lines_and_those_that_follow(running: Place) -> None:
    (line,) = running.run("logs").out.splitlines()
    assert f"{running.note()['pid']} INFO lodestar.shim: begins, in {running.folder}" in line
    assert running.note()["token"] not in line
    log = running.home / "logs" / "shim.log"
    with running.program("logs", "--follow", "-n", "1") as following:
        assert following.stdout
        assert following.stdout.readline() == f"{line}\n"
        for part in ("half a ", "line\n"):
            with log.open("a") as file:
                file.write(part)
            time.sleep(0.5)
        assert following.stdout.readline() == "half a line\n"
        log.rename(log.with_suffix(".old"))
        log.write_text("of the next file \x1b[2J\n")
        assert following.stdout.readline() == "of the next file \n"
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 130


def test_logs_of_one_port_are_that_process_alone(running: Place) -> None:
    log, pid = running.home / "logs" / "shim.log", running.note()["pid"]
    entry = "2026-11-24 10:00:00,000 {} ERROR x: broke\nTraceback (most recent call last):\n"
    log.write_text(entry.format(1) + entry.format(pid) + entry.format(1))
    shown = running.run("logs", "--port", str(running.port)).out
    assert shown == entry.format(pid)
    assert len(running.run("logs", "-n", "3").out.splitlines()) == 3
