"""`lodestar data import`: what it takes in, says, refuses and undoes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.paths import Home
from lodestar.store.migrations import Purge
from lodestar.store.purge import purge, row_counts
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.aider_files import STARTED, chat, event, message, session
from tests.cli.conftest import Cli

SECRET = "sk-proj-" + "a1B2c3D4" * 6


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return chat(tmp_path / "project", session(), message("one"), message("two"))


def rows(home: Home, sql: str) -> list[dict[str, Any]]:
    with Store.open(home.database) as store:
        return [dict(row) for row in store.rows(sql)]


def counts(home: Home) -> dict[str, int]:
    with Store.open(home.database) as store, store.read() as connection:
        return dict(row_counts(connection))


def test_a_history_becomes_exchanges_of_a_session_and_a_project(
    cli: Cli, home: Home, history: Path
) -> None:
    done = cli("data", "import", str(history))
    assert done.code == 0, done.err
    said = dict(done.rows)
    assert (said["new"], said["sessions of these"]) == ("2", "1")
    assert (said["tokens in"], said["tokens out"], said["cost"]) == ("2,400", "690", "$0.0134")
    found = rows(home, "SELECT e.*, s.profile, s.ended_ms, p.root FROM exchanges e JOIN sessions s"
                 " ON s.id = e.session_id JOIN projects p ON p.id = s.project_id"
                 " ORDER BY e.started_ms")  # fmt: skip
    assert {row["root"] for row in found} == {str(history.parent)}
    assert {(row["profile"], row["usage_source"], row["status"]) for row in found} == {
        ("imported", "estimated", "ok")
    }
    assert found[0]["started_ms"] == int(STARTED.timestamp() * 1000)
    assert "two" in cli("log", "show", "last").out


def test_a_dry_run_says_the_same_and_writes_nothing(cli: Cli, home: Home, history: Path) -> None:
    first = cli("data", "import", str(history), "--dry-run")
    assert "nothing was written" in first.err
    assert counts(home)["exchanges"] == counts(home)["sessions"] == counts(home)["imports"] == 0
    assert cli("data", "import", str(history)).rows == first.rows


def test_the_same_file_again_adds_nothing(cli: Cli, home: Home, history: Path) -> None:
    cli("data", "import", str(history))
    before = counts(home)
    again = cli("data", "import", str(history))
    assert dict(again.rows)["known already"] == "2"
    assert "nothing is new" in again.err
    assert counts(home) == before


def test_a_longer_file_adds_what_is_new_to_its_session(cli: Cli, home: Home, history: Path) -> None:
    cli("data", "import", str(history))
    commit = "> Commit 61cd1ed feat: two  \n"
    later = session(STARTED + timedelta(hours=1)) + message("four")
    with history.open("a") as stream:
        stream.write(commit + message("three") + later)
    done = cli("data", "import", str(history))
    assert dict(done.rows)["new"] == "2"
    sizes = "SELECT count(*) AS n FROM exchanges GROUP BY session_id ORDER BY session_id"
    assert [row["n"] for row in rows(home, sizes)] == [3, 1]
    (signal,) = rows(home, "SELECT type, commit_hash FROM signals")
    assert signal == {"type": "commit", "commit_hash": "61cd1ed"}


def test_a_file_that_was_moved_or_copied_adds_nothing(
    cli: Cli, home: Home, history: Path, tmp_path: Path
) -> None:
    cli("data", "import", str(history))
    copy = chat(tmp_path / "elsewhere", history.read_text())
    assert dict(cli("data", "import", str(copy)).rows)["known already"] == "2"


def test_the_two_files_of_a_run_count_once(cli: Cli, home: Home, history: Path) -> None:
    log = history.with_name("log.jsonl")
    at = STARTED + timedelta(seconds=2)
    lines = [event(at, "launched"), event(at), event(at, prompt_tokens=1180), event(at)]
    log.write_text("".join(lines))
    cli("data", "import", str(history))
    said = dict(cli("data", "import", str(log)).rows)
    assert said["known already, from another file of Aider's"] == "2"
    assert said["new"] == "1"
    cli("data", "import", "--undo", "")
    first, second = cli("data", "import").rows
    assert cli("data", "import", "--undo", first[0]).code == 0
    assert cli("data", "import", "--undo", second[0]).code == 0
    assert dict(cli("data", "import", str(log)).rows)["new"] == "3"
    said = dict(cli("data", "import", str(history)).rows)
    assert said["known already, from another file of Aider's"] == "2"


def test_what_lodestar_recorded_itself_is_passed_over(cli: Cli, home: Home, history: Path) -> None:
    chat(history.parent, session(weak="openai/lodestar-weak"), message("one"))
    assert dict(cli("data", "import", str(history)).rows)["recorded by Lodestar itself"] == "1"
    with Store.open(home.database) as store:
        start_session(store, home, Session("S", history.parent, "default", None, 1))
    log = history.with_name("log.jsonl")
    now = datetime.now().replace(microsecond=0)
    log.write_text(event(now, main_model="openai/REDACTED") + event(now))
    said = dict(cli("data", "import", str(log)).rows)
    assert (said["recorded by Lodestar itself"], said["new"]) == ("1", "1")


def test_an_import_is_undone_with_all_that_belongs_to_it(
    cli: Cli, home: Home, history: Path
) -> None:
    cli("data", "import", str(history))
    assert cli("rate", "last", "good").code == 0
    (listed,) = cli("data", "import").rows
    assert listed[2:6] == ["aider-chat", "project", history.name, "2"]
    done = cli("data", "import", "--undo", listed[0])
    assert "undone: 2 exchanges" in done.err
    left = counts(home)
    assert left["imports"] == 1
    for table in ("exchanges", "attempts", "messages", "exchange_messages", "ratings", "signals",
                  "sessions", "imported"):  # fmt: skip
        assert left[table] == 0, table
    assert cli("data", "import", "--undo", listed[0]).code == 2
    assert dict(cli("data", "import", str(history)).rows)["new"] == "2"


def test_undoing_one_import_leaves_the_others(cli: Cli, home: Home, tmp_path: Path) -> None:
    for name in ("a", "b"):
        cli(
            "data", "import", str(chat(tmp_path / name, session(), message(f"{name} asks", "same")))
        )
    (newest, _) = cli("data", "import").rows
    cli("data", "import", "--undo", newest[0])
    assert [row["text"] for row in rows(home, "SELECT text FROM messages ORDER BY text")] == [
        "a asks",
        "same",
    ]


def test_what_was_purged_is_not_taken_in_again(cli: Cli, home: Home, tmp_path: Path) -> None:
    old = chat(tmp_path / "p", session(STARTED - timedelta(days=200)), message("one"))
    done = cli("data", "import", str(old))
    assert "its sums stay" in done.err
    with Store.open(home.database, [CORE]) as store:
        purge(store, [CORE], Purge(before_ms=now_ms() - 90 * 86_400_000))
    assert counts(home)["exchanges"] == 0
    assert dict(cli("data", "import", str(old)).rows)["known already"] == "1"
    assert counts(home)["exchanges"] == counts(home)["sessions"] == 0


def test_forgetting_a_project_forgets_the_names_of_its_files(
    cli: Cli, home: Home, history: Path
) -> None:
    cli("data", "import", str(history))
    assert cli("data", "forget", "--project", str(history.parent), "--yes").code == 0
    assert rows(home, "SELECT file, project_id FROM imports") == [
        {"file": None, "project_id": None}
    ]
    assert history.name.encode() not in home.database.read_bytes()


def test_secrets_do_not_get_into_the_log(cli: Cli, home: Home, tmp_path: Path) -> None:
    path = chat(tmp_path / "p", session(), message(f"use {SECRET}", f"I see {SECRET}"),
                f"> Commit 61cd1ed feat: {SECRET}  \n")  # fmt: skip
    assert cli("data", "import", str(path)).code == 0
    assert "[REDACTED" in cli("log", "show", "last").out
    for file in home.root.glob("usage.db*"):
        assert SECRET.encode() not in file.read_bytes()


def test_no_text_is_kept_where_none_is_wanted(cli: Cli, home: Home, history: Path) -> None:
    (home.root / "config.yaml").write_text("log: {text: none}\n")
    assert cli("data", "import", str(history)).code == 0
    assert {row["text"] for row in rows(home, "SELECT text FROM messages")} == {None}


def test_a_project_can_be_named(cli: Cli, home: Home, history: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    done = cli("data", "import", str(history), "--project", str(tmp_path / "other"))
    assert dict(done.rows)["project"] == str(tmp_path / "other")
    assert cli("data", "import", str(history), "--project", str(tmp_path / "no")).code == 2


def test_lines_that_were_not_understood_are_named(cli: Cli, home: Home, history: Path) -> None:
    with history.open("a") as stream:
        stream.write(message("bad", sent="-1") * 7 + "a torn li")
    done = cli("data", "import", str(history), "--json")
    (data,) = json.loads(done.out)["data"]
    assert (data["taken"], data["not_understood"]) == (2, 8)
    assert data["not_understood_lines"][-1]["why"] == "the file ends in the middle of it"
    said = cli("data", "import", str(history)).err
    assert "not understood: its tokens or its cost cannot be read" in said
    assert "3 more lines were not understood" in said


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 5000, b"my notes\n", b"\xff\xfe\n" * 999, b"{}\n", b"{" * 3_000_000],
)
def test_a_file_of_something_else_is_refused(
    content: bytes, cli: Cli, home: Home, tmp_path: Path, history: Path
) -> None:
    (tmp_path / "x").write_bytes(content)
    done = cli("data", "import", str(history), str(tmp_path / "x"))
    assert done.code == 2
    assert done.error[0].endswith("is no file of Aider's")
    assert counts(home)["exchanges"] == 0


@pytest.mark.parametrize(
    "arguments", [["missing"], ["."], ["--undo", "ABC"], ["--undo", ""],
                  ["x", "--undo", "A"], ["~nobody/x"]]
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_three_lines(
    arguments: list[str], cli: Cli, home: Home
) -> None:
    done = cli("data", "import", *arguments)
    assert done.code == 2
    assert done.error[0].startswith("error:")
    assert "Traceback" not in done.err


def test_escape_codes_of_a_file_do_not_reach_the_terminal(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    path = chat(
        tmp_path / "p", session(model="\x1b]0;owned\x07gpt"), message("\x1b[31mred", "\x1b[2J")
    )
    for done in (cli("data", "import", str(path)), cli("data", "import"), cli("log"),
                 cli("log", "show", "last")):  # fmt: skip
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
    assert rows(home, "SELECT served_model FROM exchanges") == [{"served_model": "unknown"}]


def test_without_imports_it_says_how_to_begin(cli: Cli, home: Home) -> None:
    done = cli("data", "import")
    assert (done.code, done.rows) == (0, [])
    assert "for example: lodestar data import" in done.err
    assert json.loads(cli("data", "import", "--json").out)["data"] == []


def test_imported_work_is_never_training_data(cli: Cli, home: Home, history: Path) -> None:
    (home.root / "config.yaml").write_text("training: {opt_in: true}\n")
    cli("data", "import", str(history))
    assert rows(home, "SELECT DISTINCT training_opt_in FROM sessions") == [{"training_opt_in": 0}]
