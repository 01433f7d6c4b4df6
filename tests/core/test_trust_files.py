"""A repository's files may be anything: they are read once, whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lodestar.loading import load
from lodestar.trust.files import SIZE_LIMIT, RepositoryFile, read_file
from lodestar.trust.ignore_file import is_harmless
from tests.core.conftest import Repository


def _link(path: Path) -> None:
    outside = path.parent.parent / "outside"
    outside.write_text("main: paid\ntest-cmd: make\n")
    path.symlink_to(outside)


def _writable(path: Path) -> None:
    path.write_text("test-cmd: make\n")
    path.chmod(0o666)


ODD = {
    "it is a link": _link,
    "it is not a plain file": os.mkfifo,
    "it is not a plain": Path.mkdir,
    "it is larger than 64 kB": lambda path: path.write_bytes(b"#" * (SIZE_LIMIT + 1)),
    "anybody on this machine can change it": _writable,
}


@pytest.mark.parametrize("name", [".aider.conf.yml", ".lodestar.yaml", ".env"])
@pytest.mark.parametrize("why", ODD)
def test_an_odd_file_is_refused_in_words(repository: Repository, name: str, why: str) -> None:
    ODD[why](repository.root / name)
    context = repository.trust()
    assert context.repository_args == ()
    assert context.settings.main == "local-coder"
    assert [why in line.effect for line in context.lines if line.file == name] == [True]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfet\0e\0s\0t\0",
        b"test-cmd: make\0evil\n",
        b"a: &a [x]\nb: *a\n",
        b"test-cmd: [\n",
        b"[" * 30000,
        b"- " * 30000,
        b"{" * 30000,
        b"--- 1\n--- 2\n",
        b"test-cmd: !!python/object/apply:os.system [id]\n",
        b"just text",
        b"",
    ],
)
@pytest.mark.parametrize("name", [".aider.conf.yml", ".lodestar.yaml"])
def test_no_bytes_break_anything(repository: Repository, name: str, data: bytes) -> None:
    repository.write(name, data)
    context = repository.trust()
    assert context.repository_args == ()
    assert all(line.effect.isprintable() and line.text.isprintable() for line in context.lines)


def test_in_a_plain_home_folder_aiders_files_are_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aider.conf.yml").write_text("test-cmd: make\n")
    assert load({}, folder=tmp_path).lines == ()
    (tmp_path / ".git").mkdir()
    assert len(load({}, folder=tmp_path).lines) == 1


def test_a_file_reached_through_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.md").write_text("x")
    (tmp_path / "repo" / "in").symlink_to(tmp_path / "out")
    found = read_file(tmp_path / "repo", "in/a.md")
    assert found
    assert found.refused == "it is reached through a link"


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("*.log\n# a comment \\\n/build/\n!keep.log\n**/node_modules/**\n[a-z]*.tmp\n", True),
        ("!", False),
        ("a\\", False),
        ("[z-a]", False),
        ("*" * 200 + "b", False),
        ("**/" * 9 + "x", False),
        ("\0", False),
        ("\udcff", False),
    ],
)
def test_an_ignore_file_that_would_stop_aider_is_not_used(text: str, usable: bool) -> None:
    file = RepositoryFile(".aiderignore", text.encode("utf-8", "surrogateescape"))
    assert is_harmless(file) is usable
