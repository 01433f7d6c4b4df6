"""The summary of real sessions whose edits stay uncommitted."""

from __future__ import annotations

from tests.e2e.conftest import RENAMED, FakedMachine

EDIT = ("code", "--yes-always", "--no-auto-commits", "--message", "x", "hello.py")


def test_an_edit_without_a_commit_is_said(faked: FakedMachine) -> None:
    done = faked.run(*EDIT)
    assert (done.returncode, faked.text()) == (0, RENAMED), done.stderr
    assert "1 file edited, not committed" in done.stderr
    assert "no edits" not in done.stderr


def test_a_file_that_was_written_as_it_was_is_no_edit(faked: FakedMachine) -> None:
    (faked.project / "hello.py").write_text(RENAMED)
    faked.git("commit", "-qam", "renamed")
    done = faked.run(*EDIT)
    assert done.returncode == 0, done.stderr
    assert "no edits" in done.stderr
