"""Keys that a command prints or that a private file holds: what is refused, and how it is told."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from lodestar.errors import CredentialsError, UsageError
from lodestar.paths import Home, make_private
from lodestar.secrets import command
from lodestar.secrets.key_file import Kept, KeyFile
from lodestar.secrets.patience import within
from tests.fakes.shim_client import wait_for

ENVIRON = {"PATH": "/usr/bin:/bin"}
SECRET = "canary-key-4711"


def refused(text: str, folder: Path) -> CredentialsError:
    with pytest.raises(CredentialsError) as error:
        command.output(text, ENVIRON, folder)
    assert error.value.exit_code == 4
    assert SECRET not in str(error.value)
    return error.value


def test_the_first_line_that_a_command_prints_is_the_key(tmp_path: Path) -> None:
    text = f"printf '  {SECRET} \\nuser: me\\n'"
    assert command.output(text, ENVIRON, tmp_path) == SECRET


def test_no_shell_sees_a_command(tmp_path: Path) -> None:
    text = "echo $HOME; touch made > out `touch made` $(touch made)"
    assert command.output(text, ENVIRON, tmp_path) == text.removeprefix("echo ")
    assert not list(tmp_path.iterdir())


def test_a_program_in_the_current_folder_is_not_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the user's PATH names the folder one is in."""
    project, home = tmp_path / "project", tmp_path / "home"
    for folder in (project, home):
        folder.mkdir()
    (project / "pass").write_text(f"#!/bin/sh\necho {SECRET}\n")
    (project / "pass").chmod(0o755)
    monkeypatch.chdir(project)
    with pytest.raises(CredentialsError, match="the command for the key failed: pass"):
        command.output("pass show openai", {"PATH": f".:{os.defpath}"}, home)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"sh -c 'echo {SECRET}; echo {SECRET} >&2; exit 3'", "it ended with exit code 3"),
        ("true", "it printed nothing"),
        ("no-such-program", "it cannot be run: No such file or directory"),
        (f"yes {SECRET}", "it prints more than a key"),
        ("sh -c 'kill -9 $$'", "it ended with exit code -9"),
    ],
)
def test_a_command_that_fails_is_told_without_its_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    error = refused(text, tmp_path)
    assert error.why == why
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["", "   ", 'pass "show'])
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the command cannot be read"):
        command.words(text)


@pytest.mark.parametrize(
    "text",
    ["sleep 60", "sh -c 'sleep 60 & echo $! > child; wait'", "sh -c 'exec >&-; sleep 60'"],
    ids=["silent", "with a child", "with its output closed"],
)
def test_a_command_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(command, "SECONDS", 1.0)
    start = time.monotonic()
    assert refused(text, tmp_path).why == "it did not end within 1 seconds"
    assert time.monotonic() - start < 30
    if (tmp_path / "child").exists():
        child = int((tmp_path / "child").read_text())
        wait_for(lambda: not _runs(child), 20)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_what_hangs_is_given_up_and_what_fails_fails() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.05, lambda: release.wait(60))
    release.set()
    assert within(60, lambda: "done") == "done"
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)


def test_a_file_of_keys_is_private_and_goes_with_its_last_entry(tmp_path: Path) -> None:
    file = KeyFile(Home(tmp_path))
    mask = os.umask(0)
    try:
        file.set("A@a.org", Kept(key=SECRET))
        file.set("B@b.org", Kept(command="pass show b"))
    finally:
        os.umask(mask)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.entries() == {"A@a.org": Kept(key=SECRET), "B@b.org": Kept(command="pass show b")}
    assert file.remove("A@a.org")
    assert not file.remove("A@a.org")
    assert file.remove("B@b.org")
    assert not file.path.exists()


def spoiled(file: KeyFile, what: str) -> None:
    other = file.path.with_name("elsewhere")
    if what in ("readable", "writable"):
        file.path.chmod(0o640 if what == "readable" else 0o602)
    elif what == "link":
        file.path.rename(other)
        file.path.symlink_to(other)
    elif what == "pipe":
        file.path.unlink()
        os.mkfifo(file.path, 0o600)
    else:
        texts = {"list": f"[{SECRET}]", "odd": f"A@a.org: {{key: {SECRET}, more: 1}}",
                 "plain": f"A@a.org: {SECRET}", "broken": f"A@a.org: {{key: {SECRET}"}  # fmt: skip
        file.path.write_text(texts[what])


@pytest.mark.parametrize(
    "what", ["readable", "writable", "link", "pipe", "list", "odd", "plain", "broken"]
)
def test_a_file_of_keys_that_is_not_as_it_should_be_is_not_used(tmp_path: Path, what: str) -> None:
    file = KeyFile(Home(tmp_path))
    file.set("A@a.org", Kept(key=SECRET))
    spoiled(file, what)
    with pytest.raises(CredentialsError) as error:
        file.get("A@a.org")
    assert str(file.path) in error.value.what
    assert SECRET not in str(error.value)
    if what == "readable":
        assert error.value.do.startswith(f"chmod 600 {file.path}")


def test_a_file_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = KeyFile(Home(tmp_path))
    file.set("A@a.org", Kept(key=SECRET))
    monkeypatch.setattr(os, "getuid", lambda: file.path.stat().st_uid + 1)
    with pytest.raises(CredentialsError) as error:
        file.get("A@a.org")
    assert error.value.why == "it belongs to somebody else"


def test_an_open_file_of_keys_is_told_and_not_made_private_in_silence(tmp_path: Path) -> None:
    file = KeyFile(Home(tmp_path))
    file.set("A@a.org", Kept(key=SECRET))
    beside = tmp_path / "config.yaml"
    for path in (file.path, beside):
        path.touch()
        path.chmod(0o644)
    for _ in range(2):
        (problem,) = make_private(tmp_path)
        assert problem.what == f"{file.path} is not used"
        assert "change those keys" in problem.do
        with pytest.raises(CredentialsError):
            file.get("A@a.org")
    assert beside.stat().st_mode & 0o777 == 0o600
    file.path.chmod(0o600)
    assert make_private(tmp_path) == []
