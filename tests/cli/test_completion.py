"""What fits at the cursor: told quickly, by reading alone, and in silence where it is not known."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar.cli.completion.bash_line import parse, reply
from lodestar.cli.completion.scripts import BETWEEN, BREAKS, LINE, WORDS
from lodestar.cli.main import ASKED, run
from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.cli.worklog import Worklog

Fits = Callable[..., list[str]]
BASH_BREAKS = " \t\n\"'><=;|&(:"
NAMES = ["a b", "$(touch x)", "c'q\"`touch x`", "d;e&f|g", "e\\$(x)", "f:x=*?[y]", "~/ü", "#i{1,2}"]


@pytest.fixture
def fits(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Fits:
    """What is offered after some words; the last one is being typed."""

    def ask(*typed: str) -> list[str]:
        monkeypatch.setenv(ASKED, "fish")
        monkeypatch.setenv(WORDS, BETWEEN.join(("lodestar", *typed)))
        lines = cli().out.splitlines()
        return [line.partition("\t")[0] for line in lines]

    return ask


@pytest.fixture
def log(store: Store, home: Home, tmp_path: Path) -> Worklog:
    """A session of a project with a space in its name."""
    folder = tmp_path / "my work"
    folder.mkdir()
    log = Worklog(store, home, folder).start()
    with store.write() as connection:
        connection.execute("UPDATE sessions SET tag = 'client=acme'")
    return log


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["mod"], ["values", "models"]),
        (["models", "edit", "grok"], ["values", "grok-beta"]),
        (["code", "--model", "claude-o"], ["values", "claude-opus"]),
        (["code", "--model=claude-o"], ["values", "--model=claude-opus"]),
        (["code", "--profile", "loc"], ["values", "local-only"]),
        (["code", "app"], ["files"]),
        (["usage", "yest"], ["values", "yesterday"]),
        (["usage", "month", "--by", "day,bil"], ["values", "day,billing"]),
        (["usage", "--format=j"], ["values", "--format=json"]),
        (["usage", "--tag", "cl"], ["values", "client=acme"]),
        (["log", "--sess"], ["values", "--session"]),
        (["dashboard", "tr"], ["values", "trends"]),
        (["config", "set", "limits.daily_u"], ["values", "limits.daily_usd"]),
        (["keys", "set", "openr"], ["values", "openrouter"]),
        (["data", "merge", "x"], ["files"]),
        (["data", "import", "--project", "x"], ["folders"]),
        (["log", "list", "--project", "/nowhere"], ["folders"]),
        (["models", "add", "cl"], []),
        (["nonsense", "x"], []),
        (["--version", "stat"], ["values", "status"]),
    ],
)
def test_what_fits_is_offered(
    typed: list[str], offered: list[str], fits: Fits, log: Worklog
) -> None:
    assert fits(*typed) == offered


def test_projects_sessions_and_exchanges_come_from_the_log(fits: Fits, log: Worklog) -> None:
    exchange = log.exchange()
    assert fits("usage", "--project", "") == ["values", str(log.project)]
    assert fits("log", "--session", "") == ["values", log.session]
    assert fits("log", "show", "") == ["values", "last", exchange]


def test_a_value_that_a_terminal_would_obey_is_not_offered(
    fits: Fits, log: Worklog, store: Store
) -> None:
    with store.write() as connection:
        connection.execute("UPDATE projects SET root = '/a\x1b[31m', name = 'x\x1b]0;y\x07\nz'")
    assert fits("usage", "--project", "") == []
    with store.write() as connection:
        connection.execute("UPDATE projects SET root = '/a\nb'")
    assert fits("usage", "--project", "") == []
    with store.write() as connection:
        connection.execute("UPDATE projects SET root = '/a'")
    assert fits("usage", "--project", "") == ["values", "/a"]


@pytest.mark.parametrize("broken", ["config", "database", "home", "folder"])
def test_whatever_is_wrong_nothing_is_said_and_nothing_written(
    broken: str,
    cli: Cli,
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if broken == "config":
        home.config_file.write_text("mian: x\n")
    elif broken == "database":
        home.database.write_bytes(b"no database" * 1000)
    elif broken == "home":
        monkeypatch.setenv("LODESTAR_HOME", "/dev/null/x")
    else:
        Path.cwd().rmdir()
    before = sorted(home.root.rglob("*"))
    monkeypatch.setenv(ASKED, "fish")
    for words in (["usage", "--tag", ""], ["models", "edit", ""], ["log", "show", ""]):
        monkeypatch.setenv(WORDS, BETWEEN.join(["lodestar", *words]))
        run([])
        out, err = capfd.readouterr()
        assert "error" not in out
        assert not err
    assert sorted(home.root.rglob("*")) == before


def test_asking_makes_no_database_and_runs_no_command(
    isolated_home: Path, fits: Fits, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fits("usage", "--project", "/x") == ["folders"]
    monkeypatch.setenv(ASKED, "tcsh")
    assert (cli("config", "set", "main", "x").code, cli("models").out) == (1, "")
    assert not list(isolated_home.iterdir())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("typed", ["", '"', "'", "cut"])
def test_bash_reads_back_what_was_inserted(name: str, typed: str) -> None:
    """Whatever the quotes: the word is the name, and nothing in it runs or expands."""
    begun = shlex.quote(name)[:0] if typed != "cut" else "".join(f"\\{mark}" for mark in name[:2])
    line = f"lodestar x {begun if typed == 'cut' else typed}"
    last = parse(line, BASH_BREAKS).last
    text = reply(last, name)
    if text is None:
        assert typed == "'"
        assert "'" in name
        return
    # What readline keeps of the line, what it puts there, and the quote that it closes.
    kept = line if last.quote else line[: len(line) - len(begun)] + begun[: _kept(begun)]
    script = f"set -- {(kept + text + last.quote).removeprefix('lodestar x ')}; printf '%s|' \"$@\""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{name}|", "")


def _kept(begun: str) -> int:
    """Escaped marks are no ends of words: readline replaces the word whole."""
    return 0 if "\\" in begun else len(begun)


@pytest.mark.parametrize(
    ("line", "value", "inserted"),
    [
        ("lodestar usage --tag client=a", "client=acme", "acme"),
        ("lodestar usage --tag=client=a", "--tag=client=a b", "a\\ b"),
        ("lodestar x a:b", "a:bc d", "bc\\ d"),
        ('lodestar x client="a', "client=a $b", "a \\$b"),
        ("lodestar x 'a'b", "abc", None),
        ('lodestar x "a', "a!b", None),
    ],
)
def test_bash_gets_the_part_that_readline_replaces(
    line: str, value: str, inserted: str | None
) -> None:
    assert reply(parse(line, BASH_BREAKS).last, value) == inserted


def test_an_answer_takes_less_than_a_third_of_a_second_of_work(log: Worklog) -> None:
    """Processor time, of the best of some: the machine may be busy."""
    environ = {
        **os.environ,
        ASKED: "bash",
        LINE: "lodestar usage --project /",
        BREAKS: BASH_BREAKS,
    }
    spent = []
    for _ in range(4):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-I", "-m", "lodestar"], env=environ, capture_output=True, check=True
        )
        after = os.times()
        assert done.stdout.startswith(b"values\n/")
        used = after.children_user + after.children_system
        spent.append(used - before.children_user - before.children_system)
    assert min(spent) < 0.3 * _slowness()


def _slowness() -> float:
    """How much slower than usual this machine is now: at least 1."""
    start = time.process_time()
    sum(n * n for n in range(1_000_000))
    return max(1.0, (time.process_time() - start) / 0.08)
