"""`lodestar data`: what it shows, does and refuses."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.paths import Home
from lodestar.store import backup, journal
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.cli.worklog import Worklog
from tests.fakes import ledgers

DAY = 86_400_000


@pytest.fixture
def used(home: Home, store: Store, tmp_path: Path) -> Home:
    """A home with two exchanges, one of them old, and the database closed."""
    log = Worklog(store, home, tmp_path / "project").start()
    for age in (100, 1):
        log.exchange(f"asked {age} days ago", received_ms=now_ms() - age * DAY)
    log.end()
    store.close()
    return home


def test_status_shows_the_database_and_what_is_kept(cli: Cli, used: Home) -> None:
    done = cli("data")
    rows = dict(done.rows)
    assert done.code == 0
    assert rows["usable"] == "yes"
    assert rows["rows of exchanges"] == "2"
    assert rows["last backup"] == "none yet"
    assert "rows 90 days, texts 30 days" in rows["kept"]


def test_status_without_a_database_makes_none(cli: Cli, home: Home) -> None:
    assert "a session makes it" in cli("data", "status").out
    assert not home.database.exists()


def test_status_of_a_database_that_cannot_be_used_ends_with_7(cli: Cli, used: Home) -> None:
    ledgers.older(used.database)
    done = cli("data", "status", "--json")
    data = json.loads(done.out)["data"]
    assert done.code == 7
    assert "older copy" in data["problem"]["what"]
    assert data["rows"]["exchanges"] == 2


def test_a_backup_is_made_now(cli: Cli, used: Home) -> None:
    done = cli("data", "backup")
    assert backup.is_good(Path(done.out.strip()))
    assert dict(cli("data").rows)["last backup"].startswith(done.out.strip())


def test_a_restore_says_what_it_will_do_and_waits_for_a_word(cli: Cli, used: Home) -> None:
    cli("data", "backup")
    journal.append(used, "no_table", {"id": "a"})
    done = cli("data", "restore")
    assert done.code == 2
    assert "usage-" in done.err
    assert "journal: 1 row to look at" in done.err
    assert done.error[-1] == "do:    add --yes"
    assert cli("data", "restore", "--yes").code == 0
    assert len(list((used.root / "aside").iterdir())) == 1


def test_a_restore_takes_the_database_that_is_there_as_it_is(cli: Cli, used: Home) -> None:
    ledgers.older(used.database)
    assert cli("log").code == 7
    assert cli("data", "restore", "--from", str(used.database), "--yes").code == 0
    assert len(cli("log").rows) == 2


def test_a_new_beginning_needs_the_word_for_it(cli: Cli, used: Home) -> None:
    ledgers.deleted(used.database)
    assert cli("log").code == 7
    assert cli("data", "reset").code == 2
    assert not used.database.exists()
    assert cli("data", "reset", "--accept").code == 0
    assert cli("log").rows == []


def test_a_purge_shows_what_would_go_before_it_goes(cli: Cli, used: Home) -> None:
    shown = cli("data", "purge", "--older-than", "90d", "--dry-run")
    assert dict(shown.rows)["exchanges"] == "1"
    assert "nothing was deleted" in shown.err
    assert len(cli("log").rows) == 2
    assert cli("data", "purge", "--older-than", "90d").rows == shown.rows
    assert len(cli("log").rows) == 1
    assert cli("data", "purge", "--older-than", "soon").code == 2


def test_text_alone_can_be_purged(cli: Cli, used: Home) -> None:
    assert cli("data", "purge", "--older-than", "90d", "--text-only").code == 0
    assert len(cli("log").rows) == 2
    assert cli("log", "search", "100 days ago").rows == []


def test_a_project_is_forgotten_with_aiders_histories(cli: Cli, used: Home, tmp_path: Path) -> None:
    folder = used.histories(tmp_path / "project")
    folder.mkdir(parents=True)
    (folder / "chat.history.md").write_text("all that was said")
    assert cli("data", "forget", "--project", "project").code == 2
    done = cli("data", "forget", "--project", "project", "--yes")
    assert done.code == 0, done.err
    assert not folder.exists()
    assert cli("log").rows == []
    assert cli("data", "forget", "--project", "project", "--yes").code == 2


def test_an_export_is_one_exchange_a_line_with_its_schema(cli: Cli, used: Home) -> None:
    lines = [json.loads(line) for line in cli("data", "export").out.splitlines()]
    assert [line["schema"] for line in lines] == ["lodestar.exchange/1"] * 2
    assert [line["prompt"][0]["text"] for line in lines] == [
        "asked 100 days ago",
        "asked 1 days ago",
    ]
    assert len(cli("data", "export", "--since", "7d").out.splitlines()) == 1


def test_an_export_goes_to_a_new_private_file(cli: Cli, used: Home, tmp_path: Path) -> None:
    out = tmp_path / "log.csv"
    assert cli("data", "export", "--format", "csv", "--out", str(out)).code == 0
    with open(out, newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["input_tokens"] for row in rows] == ["1200", "1200"]
    assert {row["schema"] for row in rows} == {"lodestar.exchange/1"}
    assert out.stat().st_mode & 0o777 == 0o600
    assert cli("data", "export", "--out", str(out)).code == 2
    assert cli("data", "export", "--format", "xml").code == 2


@pytest.mark.parametrize("out", ["missing/x.jsonl", "/dev/full/x", "."])
def test_an_export_to_where_nothing_can_be_written_says_so(
    out: str, cli: Cli, used: Home, tmp_path: Path
) -> None:
    done = cli("data", "export", "--out", str(tmp_path / out))
    assert done.code in (1, 2)
    assert "error:" in done.err
    assert "internal error" not in done.err
    assert "do:" in done.err


def test_only_a_stand_in_is_taken_in(cli: Cli, used: Home) -> None:
    before = used.database.read_bytes()
    done = cli("data", "merge", str(used.database))
    assert done.code == 2
    assert "is no stand-in" in done.err
    assert "lodestar data status" in done.err
    assert used.database.read_bytes() == before
    assert cli("data", "merge", str(used.root / "nothing")).code == 2


def test_a_restore_counts_what_could_not_be_put_back(
    cli: Cli, used: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(connection: sqlite3.Connection, table: str, row: Mapping[str, Any], _: object) -> bool:
        if row["id"] == "L1":
            raise sqlite3.IntegrityError("FOREIGN KEY constraint failed")
        return True

    monkeypatch.setattr("lodestar.store.restore.replay_row", put)
    for id in ("L1", "L2"):
        journal.append(used, "lent", {"id": id})
    done = cli("data", "restore", "--from", str(used.database), "--yes")
    assert done.code == 0
    assert "1 row of the journal put back" in done.err
    assert "1 row could not be put back" in done.err


def test_doctor_names_a_missing_backup_and_a_session_kept_apart(cli: Cli, used: Home) -> None:
    ledgers.deleted(used.database)
    (used.root / "run").mkdir(exist_ok=True)
    (used.root / "run" / "stand-in-X.db").write_bytes(b"")
    said = cli("doctor").out
    assert "[fail] a sound database" in said
    assert "lodestar data reset --accept" in said
    assert "[warn] no session whose log is kept apart" in said
    assert "[fail] a recent backup that is whole" in said
    # What is gone cannot be vouched for.
    assert "witness" not in said


def test_doctor_asks_for_a_backup_of_days_of_work(cli: Cli, used: Home) -> None:
    assert "do:  lodestar data backup" in cli("doctor").out
    cli("data", "backup")
    assert "[ok]   a recent backup that is whole" in cli("doctor").out
