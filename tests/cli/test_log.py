"""`lodestar log`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lodestar.errors import UsageError
from lodestar.log import parse_moment
from lodestar.paths import Home
from lodestar.store.feedback import add_rating
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.cli.worklog import Worklog

DAY = 86_400_000
START = 1_767_225_600_000  # 2026-01-01 00:00 UTC


@pytest.fixture
def worklog(store: Store, home: Home) -> Worklog:
    return Worklog(store, home, Path("/home/dev/shop")).start()


def test_the_newest_exchange_comes_first(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange("one")
    last = worklog.exchange("two", received_ms=START + DAY)
    rows = cli("log").rows
    assert rows[0][0] == last[-8:].lower()
    assert rows[0][2:] == ["shop", "edit", "local-coder", "ok", "1200", "40", "1.5", "", ""]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), 3),
        (("--kind", "ask"), 1),
        (("--status", "error"), 1),
        (("--project", "shop"), 3),
        (("--project", "/home/dev/shop"), 3),
        (("--project", "other"), 0),
        (("--model", "demo"), 3),
        (("--model", "gpt"), 0),
        (("--since", "2026-01-02"), 2),
        (("--until", "2026-01-01"), 1),
        (("--since", "2026-01-02", "--until", "2026-01-02"), 1),
        (("--limit", "2"), 2),
    ],
)
def test_filters_narrow_the_list(
    cli: Cli, home: Home, worklog: Worklog, options: tuple[str, ...], found: int
) -> None:
    home.config_file.write_text("timezone: UTC\n")
    worklog.exchange()
    worklog.exchange(kind="ask", received_ms=START + DAY)
    worklog.exchange(status="error", received_ms=START + 2 * DAY)
    assert len(cli("log", "list", *options).rows) == found


def test_a_session_is_found_by_the_end_of_its_id(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange()
    assert len(cli("log", "--session", worklog.session[-8:].lower()).rows) == 1
    assert not cli("log", "--session", "ZZZZZZZZ").rows


def test_times_are_in_the_configured_zone(cli: Cli, home: Home, worklog: Worklog) -> None:
    home.config_file.write_text("timezone: Asia/Tokyo\n")
    worklog.exchange()
    assert cli("log").rows[0][1] == "2026-01-01 09:00"


def test_unknown_numbers_are_empty_in_a_table_and_null_in_json(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange(tokens=(None, None))
    assert cli("log").rows[0][6:8] == ["", ""]
    envelope = json.loads(cli("log", "--json", "--kind", "edit").out)
    assert envelope["schema"] == "lodestar.log/1"
    assert envelope["filters"] == {"kind": "edit", "limit": 50}
    assert envelope["data"][0]["input_tokens"] is None


def test_show_prints_the_whole_exchange(cli: Cli, store: Store, worklog: Worklog) -> None:
    exchange = worklog.exchange("please rename", "renamed")
    worklog.signal("commit", exchange, hash="abc1234", files=["a.py"])
    add_rating(store, worklog.session, exchange, "bad", "command", "wrong")
    text = cli("log", "show", exchange[-6:].lower()).out
    for part in ("please rename", "renamed", "attempt  1 local-coder", "signal   commit hash abc"):
        assert part in text
    assert "rating   bad, wrong (command)" in text


def test_show_tells_what_happened_in_its_order(cli: Cli, worklog: Worklog) -> None:
    exchange = worklog.exchange()
    for kind, id in (("apply", "f0"), ("commit", "0f"), ("undo", "a0")):
        worklog.signal(kind, exchange, id=id)
    lines = cli("log", "show", exchange).out.splitlines()
    told = [line.split()[1] for line in lines if line.startswith("signal")]
    assert told == ["apply", "commit", "undo"]


def test_show_as_json_holds_prompt_and_answer(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange("please rename", "renamed")
    data = json.loads(cli("log", "show", "last", "--json").out)["data"]
    assert [m["text"] for m in data["prompt"] + data["answer"]] == ["please rename", "renamed"]
    assert data["attempts"][0]["number"] == 1


def test_what_a_model_wrote_cannot_steer_the_terminal(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange("\x1b]0;title\x07hi", "a\x1b[2Jb\x9bc\u202ed\rX\n")
    text = cli("log", "show", "last").out
    assert "hi" in text
    assert "abcdX" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e\r")


@pytest.mark.parametrize("id", ["zz", "NOSUCHID", "x;y", "%%%%"])
def test_an_id_that_names_nothing_is_a_usage_error(cli: Cli, worklog: Worklog, id: str) -> None:
    worklog.exchange()
    result = cli("log", "show", id)
    assert result.code == 2
    assert id in result.error[0]


def test_an_id_that_names_several_is_not_guessed(cli: Cli, worklog: Worklog) -> None:
    first, _ = worklog.exchange("a"), worklog.exchange("b")
    assert "several exchanges" in cli("log", "show", first[:3]).err


def test_an_empty_log_is_an_empty_list_and_no_last(cli: Cli) -> None:
    assert cli("log").code == 0
    assert cli("log", "show", "last").error[0] == "error: the log is empty"


def test_search_ignores_case_and_names_a_resent_message_once(cli: Cli, worklog: Worklog) -> None:
    first = worklog.exchange("Straße der ÄPFEL", "no")
    worklog.exchange("Straße der ÄPFEL", "nothing")
    rows = cli("log", "search", "äpfel").rows
    assert [(row[0], row[2], row[3]) for row in rows] == [(first[-8:].lower(), "user", "2")]
    assert not cli("log", "search", "pears").rows


def test_search_finds_answers_beyond_the_first_page(cli: Cli, worklog: Worklog) -> None:
    with worklog.store.write():
        for number in range(300):
            worklog.exchange(f"question {number}", f"answer {number}")
    assert len(cli("log", "search", "answer 299").rows) == 1
    assert json.loads(cli("log", "search", "answer", "--json", "--limit", "3").out)["data"][2]


NOW = datetime(2026, 3, 29, 12, tzinfo=timezone.utc)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("2026-03-28", False, "2026-03-27T23:00:00+00:00"),
        ("today", False, "2026-03-28T23:00:00+00:00"),
        ("today", True, "2026-03-29T22:00:00+00:00"),
        ("yesterday", False, "2026-03-27T23:00:00+00:00"),
        ("2026-03-29 04:00", True, "2026-03-29T02:00:00+00:00"),
        ("2026-03-29T04:00:00+00:00", False, "2026-03-29T04:00:00+00:00"),
        ("24h", False, "2026-03-28T12:00:00+00:00"),
    ],
)
def test_moments_are_read_in_the_zone_on_a_day_of_23_hours(
    text: str, end: bool, expected: str
) -> None:
    moment = parse_moment(text, BERLIN, NOW, end)
    assert datetime.fromtimestamp(moment / 1000, timezone.utc).isoformat() == expected


def test_what_is_not_a_date_is_refused() -> None:
    with pytest.raises(UsageError, match="`soon` is not a date"):
        parse_moment("soon", BERLIN, NOW)
