"""`lodestar code` with a database that cannot be used: the user works on for free, and knows."""

from __future__ import annotations

from tests.e2e.conftest import RENAMED, FakedMachine
from tests.fakes import ledgers

EDIT = ("code", "--yes-always", "--no-rating", "hello.py", "--message", "rename hello to greet")


def test_the_edit_is_made_and_the_user_told_before_and_after(faked: FakedMachine) -> None:
    ledgers.grow(faked.home / "usage.db")
    ledgers.header_zeroed(faked.home / "usage.db")
    done = faked.run(*EDIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert faked.text() == RENAMED
    assert "Traceback" not in done.stdout + done.stderr
    warnings, _, after = done.stderr.partition("project: ")
    assert "paid models are closed, free ones work" in warnings
    assert [line[:9] for line in warnings.splitlines()[:3]] == [
        "warning: ",
        "why:     ",
        "do:      ",
    ]
    assert "do:      lodestar data restore; the damaged file is kept\n" in warnings
    assert "1 commit" in after
    (kept,) = (faked.home / "run").glob("stand-in-*.db")
    assert f"this session's log is kept in {kept}" in after
    faked.wait_gone()


def test_what_was_kept_apart_is_taken_in_after_a_restore(faked: FakedMachine) -> None:
    ledgers.grow(faked.home / "usage.db")
    assert faked.run("data", "backup").returncode == 0
    ledgers.deleted(faked.home / "usage.db")
    assert faked.run(*EDIT).returncode == 0
    assert not (faked.home / "usage.db").exists()
    refused = faked.run("data", "merge")
    assert refused.returncode == 7
    assert [line[:6] for line in refused.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert faked.run("data", "restore", "--yes").returncode == 0
    merged = faked.run("data", "merge")
    assert merged.returncode == 0, merged.stderr
    assert "taken in" in merged.stderr
    assert faked.statuses()[0] == ("edit", "ok")
    assert len(faked.rows("SELECT * FROM messages")) > 400
    assert not list((faked.home / "run").glob("stand-in-*"))


def test_other_commands_name_the_way_out(faked: FakedMachine) -> None:
    """Damage that is found in the middle of a command only."""
    database = faked.home / "usage.db"
    ledgers.grow(database)
    ledgers.overwritten(database, pages=range(20, database.stat().st_size // 4096))
    done = faked.run("log", "search", "text")
    assert done.returncode == 7
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert "lodestar data restore" in done.stderr
