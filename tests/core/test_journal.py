"""The ledger's journal: what is torn or altered costs itself only, nothing counts twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lodestar.paths import Home
from lodestar.store import journal

WRITER = """
import pathlib, sys
from lodestar.paths import Home
from lodestar.store.journal import append
home = Home(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
for n in range(int(sys.argv[3])):
    assert append(home, "charges", {"id": f"{sys.argv[2]}-{n}", "note": "x" * int(sys.argv[4])})
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def write(home: Home, *ids: str) -> Path:
    """Some rows; returns their file."""
    for id in ids:
        assert journal.append(home, "charges", {"id": id, "cash_nano": 7, "model": "Größe"})
    (path,) = journal.files(home)
    return path


def ids(path: Path) -> list[str]:
    return [entry.row["id"] for entry in journal.read(path).entries]


def test_what_is_written_is_read(home: Home) -> None:
    path = write(home, "a", "b")
    found = journal.read(path)
    assert found.skipped == 0
    assert [(e.table, dict(e.row)) for e in found.entries] == [
        ("charges", {"id": "a", "cash_nano": 7, "model": "Größe"}),
        ("charges", {"id": "b", "cash_nano": 7, "model": "Größe"}),
    ]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_a_torn_tail_costs_itself_only(cut: int, home: Home) -> None:
    path = write(home, "a", "b")
    os.truncate(path, path.stat().st_size - cut)
    write(home, "c")
    found = journal.read(path)
    # The line break alone was torn off: the entry itself is whole.
    assert ids(path) == (["a", "b", "c"] if cut == 1 else ["a", "c"])
    assert found.skipped == (cut > 1)


def test_a_block_of_zeros_is_skipped(home: Home) -> None:
    path = write(home, "a", "b", "c")
    data = path.read_bytes()
    middle = data.index(b'"b"')
    path.write_bytes(data[: middle - 20] + bytes(40) + data[middle + 20 :] + bytes(4096))
    assert ids(path) == ["a", "c"]
    assert journal.read(path).skipped > 0


def test_an_altered_amount_is_not_believed(home: Home) -> None:
    path = write(home, "a", "b")
    path.write_bytes(path.read_bytes().replace(b'"cash_nano":7', b'"cash_nano":1', 1))
    assert ids(path) == ["b"]
    assert journal.read(path).skipped == 1


def test_a_row_that_is_written_again_counts_once_as_it_was_last(home: Home) -> None:
    path = write(home, "a", "b", "a")
    journal.append(home, "charges", {"id": "a", "cash_nano": 9})
    found = journal.read(path).entries
    assert [(e.row["id"], e.row["cash_nano"]) for e in found] == [("b", 7), ("a", 9)]


def test_processes_that_write_at_once_tear_nothing(home: Home) -> None:
    command = [sys.executable, "-c", WRITER, str(home.root)]
    writers = [subprocess.Popen([*command, str(n), "40", "20000"]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    (path,) = journal.files(home)
    found = journal.read(path)
    assert (len(found.entries), found.skipped) == (160, 0)


def test_a_killed_writer_leaves_the_others_lines_whole(home: Home) -> None:
    path = write(home, "first")
    for number in range(10):
        size = path.stat().st_size
        command = [sys.executable, "-c", WRITER, str(home.root), str(number), "1000000", "5000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            while path.stat().st_size == size:
                assert writer.poll() is None
            write(home, f"mine-{number}")
            writer.kill()
    write(home, "last")
    assert {f"mine-{n}" for n in range(10)} | {"first", "last"} <= set(ids(path))
    assert journal.read(path).skipped <= 10


def test_lines_are_taken_out_while_others_write(home: Home) -> None:
    path = write(home, "old")
    command = [sys.executable, "-c", WRITER, str(home.root), "new", "300", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        gone = journal.rewrite(path, lambda entry: entry if entry.row["id"] != "old" else None)
        while writer.poll() is None:
            gone += journal.rewrite(path, lambda entry: entry if entry.row["id"] != "old" else None)
    assert (gone, writer.returncode) == (1, 0)
    assert ids(path) == [f"new-{n}" for n in range(300)]


def test_a_journal_that_cannot_be_written_is_said_and_hurts_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "backup").write_text("in the way")
    assert not journal.append(Home(tmp_path), "charges", {"id": "a"})
    assert "could not be written to the journal" in caplog.text


def test_a_write_that_the_system_cuts_short_is_completed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, "a")
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:10]))
    path = write(home, "b")
    monkeypatch.undo()
    found = journal.read(path)
    assert [entry.row["id"] for entry in found.entries] == ["a", "b"]
    assert found.skipped == 0
