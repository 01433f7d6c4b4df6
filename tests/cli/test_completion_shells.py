"""The Tab key in real shells: what is there after it is a name, never a command."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.cli.worklog import Worklog

SHELLS = ("bash", "zsh", "fish")
HOSTILE = "$(touch owned) `touch owned`;touch owned&'\"\\$(touch owned)"
WAIT_S = 60
_SHOW = '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done; echo " end-of-words"\n'


class Terminal:
    """An interactive shell; `lodestar` on its path prints its words and does no more."""

    def __init__(self, shell: str, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.child = pexpect.spawn(
            shell,
            ["-i"],
            cwd=folder,
            env=environ,
            dimensions=(50, 400),
            timeout=WAIT_S,
            encoding="utf-8",
        )

    def entered(self, typed: str) -> str:
        """The words that the shell makes of a line that was ended with Tab and Enter."""
        # In one go: a shell reads the next key when it has done what the one before asked for.
        self.child.send(f"{typed}\t\r")
        self.child.expect(r"(<[^\r\n]*>) end-of-words")
        return str(self.child.match.group(1))


@contextmanager
def opened(shell: str, folder: Path, rc: str = "") -> Iterator[Terminal]:
    """A shell that has read its start file, for zsh with these lines."""
    if rc:
        (Path(os.environ["HOME"]) / ".zshrc").write_text(rc)
    shown = Path(os.environ["HOME"]) / "bin" / "lodestar"
    shown.parent.mkdir()
    shown.write_text(_SHOW)
    shown.chmod(0o755)
    environ = {
        "HOME": os.environ["HOME"],
        "LODESTAR_HOME": os.environ["LODESTAR_HOME"],
        "PATH": f"{shown.parent}:{os.environ['PATH']}",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    terminal = Terminal(shell, folder, environ)
    try:
        terminal.child.send("lodestar ready\r")
        terminal.child.expect_exact("<ready> end-of-words")
        yield terminal
    finally:
        terminal.child.close(force=True)


@pytest.fixture(params=SHELLS)
def terminal(
    request: pytest.FixtureRequest, tmp_path: Path, home: Home, store: Store, cli: Cli
) -> Iterator[Terminal]:
    """A shell in which completion was installed, and a log with a hostile project and tag."""
    shell = str(request.param)
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    folder = tmp_path / "here"
    folder.mkdir()
    Worklog(store, home, Path(f"/work of/{HOSTILE}")).start()
    with store.write() as connection:
        connection.execute("UPDATE sessions SET tag = 'client:x=a b'")
    assert cli("completion", shell, "--install").code == 0
    with opened(shell, folder) as ready:
        yield ready


def test_tab_completes_commands_and_names(terminal: Terminal) -> None:
    assert terminal.entered("lodestar mod") == "<models>"
    assert terminal.entered("lodestar models edit gro") == "<models><edit><grok-beta>"
    assert terminal.entered("lodestar usage --format=js") == "<usage><--format=json>"
    assert terminal.entered("lodestar code --profile fru") == "<code><--profile><frugal>"


def test_a_project_is_one_word_and_nothing_in_its_name_runs(terminal: Terminal) -> None:
    expected = f"<log><list><--project></work of/{HOSTILE}>"
    assert terminal.entered("lodestar log list --project /wo") == expected
    assert terminal.entered('lodestar log list --project "/wo') == expected
    assert not (terminal.folder / "owned").exists()


def test_a_tag_with_a_colon_and_a_space_is_one_word(terminal: Terminal) -> None:
    assert terminal.entered("lodestar usage --tag cli") == "<usage><--tag><client:x=a b>"
    assert terminal.entered("lodestar usage --tag client:x") == "<usage><--tag><client:x=a b>"


def test_tab_completes_files_where_a_file_is_meant(terminal: Terminal) -> None:
    (terminal.folder / "some prices.json").write_text("{}")
    words = terminal.entered("lodestar prices diff some")
    assert words == "<prices><diff><some prices.json>"


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_takes_it_from_a_folder_of_functions_too(tmp_path: Path, cli: Cli) -> None:
    user = Path(os.environ["HOME"])
    (user / "functions").mkdir()
    (user / "functions" / "_lodestar").write_text(cli("completion", "zsh").out)
    rc = "fpath=(~/functions $fpath)\nautoload -Uz compinit && compinit -i\n"
    with opened("zsh", tmp_path, rc) as terminal:
        assert terminal.entered("lodestar mod") == "<models>"


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_twice_adds_one_line_and_keeps_what_is_there(
    shell: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = Path(os.environ["HOME"])
    rc = user / f".{shell}rc"
    rc.write_text("alias mine=yours")
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    assert cli("completion", "--install").code == 0
    once = rc.read_text()
    assert cli("completion", "--install").code == 0
    assert rc.read_text() == once
    assert once.startswith("alias mine=yours")
    assert once.count("\n") == (0 if shell == "fish" else 2)
    assert (user / ".config/fish/completions/lodestar.fish").exists() == (shell == "fish")


def test_an_unknown_shell_is_named_and_nothing_is_written(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    result = cli("completion", "--install")
    assert result.code == 2
    assert result.error[0] == "error: which shell? `tcsh` is not known"
    assert [file.name for file in Path(os.environ["HOME"]).iterdir()] == [".lodestar"]


def test_the_script_asks_the_program_that_printed_it(cli: Cli) -> None:
    for shell in SHELLS:
        text = cli("completion", shell).out
        assert f"{sys.executable} -I -m lodestar" in text
        assert "eval " not in text
