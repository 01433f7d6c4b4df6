"""What is purged is gone: from the tables, the file, the log beside it, and the backups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lodestar.clock import now_ms
from lodestar.errors import LodestarError, UsageError
from lodestar.paths import Home
from lodestar.settings import Settings
from lodestar.store import backup, journal, purge
from lodestar.store.daily import once_a_day
from lodestar.store.feedback import add_rating
from lodestar.store.forget import find_project
from lodestar.store.migrations import MigrationSet, Purge
from lodestar.store.purge import row_counts
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.worklog import Worklog

DAY = 86_400_000
CANARY = "the canary sings"
SETS = (CORE,)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.folder("backup")
    return home


def fill(home: Home, project: Path, text: str, age_days: float, count: int = 10) -> None:
    """Exchanges of some age in a session of their own, rated and followed by signals."""
    moment = now_ms() - int(age_days * DAY)
    with Store.open(home.database, SETS) as store:
        log = Worklog(store, home, project).start()
        for n in range(count):
            status = "error" if n % 7 == 0 else "ok"
            id = log.exchange(f"{text} asked {n}", f"{text} said {n}" * 50, status=status,
                              received_ms=moment + n)  # fmt: skip
            log.signal("ask", id, message=f"{text} signalled", edited=["a.py"])
            add_rating(store, log.session, id, "bad", "cli", None, f"{text} thought")
        log.end()
        with store.write() as connection:
            session = (log.session,)
            connection.execute(
                f"UPDATE sessions SET started_ms = {moment}, ended_ms = {moment} WHERE id = ?",
                session,
            )
            for table in ("signals", "ratings"):
                connection.execute(
                    f"UPDATE {table} SET created_ms = {moment} WHERE session_id = ?", session
                )
            sql = "UPDATE exchanges SET error = ? WHERE session_id = ? AND error IS NOT NULL"
            connection.execute(sql, (f"{text} broke", log.session))


def counts(home: Home) -> dict[str, int]:
    with Store.open(home.database, SETS) as store:
        found = row_counts(store._connection)
    return {name: n for name, n in found.items() if n and name[0] != "_" and name != "store_state"}


def files_with(home: Home, text: str) -> list[str]:
    """The files of a home in whose bytes a text is found."""
    found = [path for path in home.root.rglob("*") if path.is_file()]
    return [path.name for path in found if text.encode() in path.read_bytes()]


def everything(home: Home, wanted: Purge) -> None:
    """What the command does."""
    with Store.open(home.database, SETS) as store:
        purge.purge(store, SETS, wanted)
        purge.purge_journal(home, wanted)
        purge.purge_backups(home, SETS, wanted)
        # Read while the database is open: the log beside it was emptied, too.
        assert not files_with(home, CANARY)


def older_than(days: float, **more: bool) -> Purge:
    return Purge(before_ms=now_ms() - int(days * DAY), **more)


def test_old_rows_go_and_younger_ones_stay(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "p", "young", 10)
    young = counts(home)
    fill(home, tmp_path / "p", CANARY, 100)
    backup.back_up(home.database, home.root / "backup" / "usage-2026-01-01.db")
    assert len(files_with(home, CANARY)) == 2
    everything(home, older_than(90))
    assert counts(home) == young
    assert len(files_with(home, "young asked")) == 2
    with Store.open(home.database, SETS) as store:
        assert store.rows("PRAGMA foreign_key_check") == []
        assert store.rows("PRAGMA integrity_check")[0][0] == "ok"


def test_a_text_that_a_younger_exchange_needs_stays(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "p", "shared", 100)
    fill(home, tmp_path / "p", "shared", 1)
    with Store.open(home.database, SETS) as store:
        purge.purge(store, SETS, older_than(90))
        sql = "SELECT count(*) FROM exchange_messages x LEFT JOIN messages m USING (hash)"
        assert store.rows(f"{sql} WHERE m.text IS NULL")[0][0] == 0
        assert store.rows(sql)[0][0] == 20


def test_text_alone_goes_and_the_counts_stay(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "p", CANARY, 40)
    backup.back_up(home.database, home.root / "backup" / "usage-2026-01-01.db")
    before = counts(home)
    everything(home, older_than(30, text_only=True))
    after = counts(home)
    gone = {"messages", "exchange_messages"}
    assert after == {name: n for name, n in before.items() if name not in gone}
    with Store.open(home.database, SETS) as store:
        row = store.rows("SELECT sum(input_tokens), sum(output_tokens) FROM exchanges")[0]
        assert tuple(row) == (10 * 1200, 10 * 40)
        (data,) = {row[0] for row in store.rows("SELECT data FROM signals")}
        assert "a.py" in data


def test_an_exchange_that_is_under_way_is_left_alone(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "p", "x", 100, 3)
    with Store.open(home.database, SETS) as store:
        with store.write() as connection:
            connection.execute("UPDATE exchanges SET status = 'open' WHERE status = 'error'")
        purge.purge(store, SETS, older_than(90))
        assert store.rows("SELECT count(*) FROM exchanges")[0][0] == 1
        assert store.rows("SELECT count(*) FROM sessions")[0][0] == 1


def test_a_project_is_forgotten_whole_and_others_stay(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "other", "young", 1)
    other = counts(home)
    fill(home, tmp_path / "secret-project", CANARY, 1)
    with Store.open(home.database, SETS) as store:
        project = find_project(store, "secret-project")
    for id, owner in (("a", project.id), ("b", "another")):
        journal.append(home, "charges", {"id": id, "project_id": owner, "model": owner})
    backup.back_up(home.database, home.root / "backup" / "usage-2026-01-01.db")
    everything(home, Purge(project=project.id))
    assert counts(home) == other
    assert not files_with(home, "secret-project")
    # What was spent was spent: amounts stay, under a number.
    assert [name.split("-")[0] for name in files_with(home, project.id)] == ["ledger"]
    assert len(files_with(home, '"project_id":"another"')) == 1


def test_the_journal_keeps_what_a_month_may_count_and_every_budget(home: Home) -> None:
    journal.append(home, "charges", {"id": "a"})
    journal.append(home, "budgets", {"id": "b"})
    (path,) = journal.files(home)
    assert purge.purge_journal(home, older_than(0)) == 0
    entries = journal.read(path).entries
    old = [journal.Entry(e.table, now_ms() - 40 * DAY, e.row) for e in entries]
    path.write_bytes(b"".join(journal._line(entry) for entry in old))
    assert purge.purge_journal(home, older_than(35)) == 1
    assert [e.table for e in journal.read(path).entries] == ["budgets"]


def test_a_preview_counts_and_deletes_nothing(home: Home, tmp_path: Path) -> None:
    fill(home, tmp_path / "p", "old", 100)
    before = counts(home)
    found = purge.preview(home.database, home.root, SETS, older_than(90))
    # The project is not as old as what was done in it.
    assert found == {name: n for name, n in before.items() if name != "projects"}
    assert counts(home) == before
    assert not list(home.root.glob(".preview*"))


def test_modules_purge_their_own_in_steps(home: Home, tmp_path: Path) -> None:
    left, seen = [450], []

    def purger(connection: object, wanted: Purge, most: int) -> int:
        seen.append(wanted)
        gone = min(most, left[0])
        left[0] -= gone
        return gone

    with Store.open(home.database, SETS) as store:
        wanted = older_than(90)
        assert purge.purge(store, [MigrationSet("m", (), purgers=(purger,))], wanted) == 450
    assert seen == [wanted] * 4


def test_once_a_day_texts_and_rows_go_when_their_time_is_over(home: Home, tmp_path: Path) -> None:
    for age in (10, 40, 100):
        fill(home, tmp_path / "p", f"aged {age}", age)
    with Store.open(home.database, SETS) as store:
        assert once_a_day(home, store, Settings(), SETS)
    assert counts(home)["exchanges"] == 20
    assert not files_with(home, "aged 40")
    assert len(files_with(home, "aged 10")) == 2


def test_a_running_sessions_project_is_not_forgotten(home: Home, tmp_path: Path) -> None:
    with Store.open(home.database, SETS) as store:
        start_session(store, home, Session("S1", tmp_path, "default", None, os.getpid()))
        with pytest.raises(LodestarError, match="is running"):
            find_project(store, str(tmp_path))
        with pytest.raises(UsageError, match="no project"):
            find_project(store, "unknown")


def test_forgetting_leaves_amounts_in_the_journal_and_takes_the_words(home: Home) -> None:
    row = {"id": "C1", "project_id": "P1", "cash_nano": 7, "branch": "merger", "tag": "acme"}
    journal.append(home, "charges", row)
    journal.append(home, "charges", {**row, "id": "C2", "project_id": "P2"})
    assert purge.purge_journal(home, Purge(project="P1")) == 1
    (path,) = journal.files(home)
    mine, other = journal.read(path).entries
    assert mine.row == {**row, "branch": None, "tag": None}
    assert other.row["branch"] == "merger"
    assert purge.purge_journal(home, Purge(project="P1")) == 0


def test_what_a_backup_holds_of_a_session_that_ran_is_forgotten(home: Home, tmp_path: Path) -> None:
    project = tmp_path / "secret"
    with Store.open(home.database, SETS) as store:
        log = Worklog(store, home, project, "S1").start()
        log.exchange(CANARY, "answer", status="open")
        with store.write() as connection:
            connection.execute("UPDATE exchanges SET status = 'open'")
            connection.execute("UPDATE sessions SET branch = 'merger'")
        made = backup.back_up(store.path, backup.today(home, None))
        log.end()
        wanted = Purge(project=find_project(store, str(project)).id)
    purge.purge_backups(home, SETS, wanted)
    data = made.read_bytes()
    assert backup.is_good(made)
    assert not any(word in data for word in (CANARY.encode(), b"merger", str(project).encode()))


def test_a_branch_is_forgotten_where_its_session_stays(home: Home, tmp_path: Path) -> None:
    with Store.open(home.database, SETS) as store:
        session = Session("S1", tmp_path / "p", "default", "merger", os.getpid())
        start_session(store, home, session)
        project = str(store.rows("SELECT id FROM projects")[0][0])
        purge.purge(store, SETS, Purge(project=project))
        assert [row["branch"] for row in store.rows("SELECT branch FROM sessions")] == [None]
