"""The reports below `lodestar usage`: what they say, and that all formats say the same."""

from __future__ import annotations

import importlib
import json
from decimal import Decimal
from pathlib import Path

import pytest

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker.reports import schemas
from lodestar.modules.usage_tracker.reports.comparing import chance
from lodestar.modules.usage_tracker.reports.invoice import provider_of
from lodestar.modules.usage_tracker.reports.latency import percentile
from lodestar.modules.usage_tracker.tests.filled import CLAUDE, LOCAL, Filled
from lodestar.modules.usage_tracker.tests.usage_cli import (
    IDS,
    REPORTS,
    as_csv,
    as_json,
    as_markdown,
    filled,
    worked,
)
from lodestar.settings import ModelEntry
from tests.cli.conftest import Cli, cli, home

__all__ = ["cli", "filled", "home", "worked"]
SUM = 12_345_678 + 987_654_321 + 1


def test_the_reports_have_the_ledgers_cash(cli: Cli, worked: Filled) -> None:
    assert worked.cash == SUM
    with_totals = [report for report in REPORTS if "compare" not in report]
    for report in with_totals:
        assert as_json(cli, *report)["totals"]["cash_usd"] == "1.00", report
    rows = as_json(cli, "usage", "compare", "local-coder", "claude-sonnet")["data"]
    assert [row["cash_usd"] for row in rows] == ["0.00", "1.00"]


@pytest.mark.parametrize("report", REPORTS, ids=IDS)
def test_rows_are_the_same_in_json_csv_and_markdown(
    cli: Cli, worked: Filled, report: tuple[str, ...]
) -> None:
    whole = as_json(cli, *report)
    table = as_csv(cli, *report)
    assert [list(row) for row in table] == [list(row) for row in whole["data"]]
    for ours, theirs in zip(table, whole["data"], strict=True):
        for name, cell in theirs.items():
            assert ours[name].removeprefix("'") == ("" if cell is None else str(cell))
    markdown = as_markdown(cli, *report)
    assert len(markdown) == len(table) + (whole["totals"] is not None)
    cells = [row["cash_usd"] for row in (*whole["data"], whole["totals"]) if row]
    assert [row["Cash"].strip("*$") for row in markdown] == cells


@pytest.mark.parametrize("report", REPORTS, ids=IDS)
@pytest.mark.parametrize("empty", [False, True])
def test_json_is_what_its_schema_says(
    cli: Cli, filled: Filled, request: pytest.FixtureRequest, report: tuple[str, ...], empty: bool
) -> None:
    if not empty:
        request.getfixturevalue("worked")
    found = as_json(cli, *report)
    name = found["schema"].removeprefix("lodestar.").removesuffix("/1")
    schema = json.loads((schemas.FOLDER / f"{name}.json").read_text("utf-8"))
    importlib.import_module("jsonschema").validate(found, schema)
    if not found["data"]:
        assert found["warnings"]


def test_the_schemas_are_made_from_the_program() -> None:
    assert schemas.main(["--check"]) == 0, "run scripts/docs"


@pytest.mark.parametrize("report", [r for r in REPORTS if "reconcile" not in r], ids=IDS[:-1])
def test_without_cost_nothing_is_said_of_money(
    cli: Cli, worked: Filled, report: tuple[str, ...]
) -> None:
    for format in ("json", "csv", "md", "tsv"):
        done = cli(*report, "--no-cost", "--format", format)
        assert done.code == 0, done.err
        assert not [
            word
            for word in ("usd", "$", "cash_share", "avoided")
            if word in done.out.replace('"currency": "USD"', "").replace('"cash_usd": "0.00"', "")
        ], done.out
        assert "$" not in done.err


def test_why_names_the_reason_and_what_became_of_the_answer(cli: Cli, worked: Filled) -> None:
    rows = as_json(cli, "usage", "why")["data"]
    assert [row["cash_usd"] for row in rows] == ["0.000000001", "0.987654321", "0.012345678"]
    assert rows[0]["assumed"] == "worst case"
    last = rows[2]
    assert (last["reason"], last["outcome"]) == ("local edit failed twice", "kept")
    assert (last["project"], last["tag"]) == ("shop", "client=acme")
    reasons = as_json(cli, "usage", "why", "--by-reason")["data"]
    assert [(row["reason"], row["calls"]) for row in reasons] == [
        ("you asked", 2),
        ("local edit failed twice", 1),
    ]
    done = cli("usage", "why", "--limit", "1")
    assert len(done.rows) == 1
    assert "the newest 1 of 3" in done.err


def test_a_correction_is_part_of_the_call_that_it_corrects(cli: Cli, worked: Filled) -> None:
    paid = worked.store.rows("SELECT id FROM charges WHERE usage_source = 'worst_case'")
    assert cli("budget", "reconcile", paid[0]["id"][-8:], "--actual", "0.5").code == 0
    rows = as_json(cli, "usage", "why")
    assert rows["data"][0]["cash_usd"] == "0.50"
    assert rows["totals"]["cash_usd"] == as_json(cli, "usage")["totals"]["cash_usd"]


def test_calls_without_a_reason_say_so(cli: Cli, filled: Filled) -> None:
    filled.call(now_ms() - 5, None, CLAUDE, cash=5)
    with filled.store.write() as connection:
        connection.execute("DELETE FROM attempts")
        connection.execute("DELETE FROM exchanges")
    assert [row["reason"] for row in as_json(cli, "usage", "why")["data"]] == ["not recorded"]


def test_models_tell_cost_quality_and_speed_apart(cli: Cli, worked: Filled) -> None:
    rows = {(row["alias"], row["kind"]): row for row in as_json(cli, "usage", "models")["data"]}
    local = rows["local-coder", "edit"]
    assert (local["changes"], local["kept"], local["good"], local["bad"]) == (6, 0.8333, 5, 1)
    assert (local["p50_s"], local["p95_s"], local["first_p50_s"]) == (1.2, 1.5, 0.2)
    assert rows["claude-sonnet", "edit"]["usd_per_kept"] == "0.012345679"
    assert rows["claude-sonnet", "ask"]["usd_per_kept"] is None


def test_percentiles_are_times_that_were_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7000], 0.95) == 7
    assert percentile(range(1000, 101_000, 1000), 0.95) == 95
    assert percentile(range(1000, 101_000, 1000), 0.5) == 50


def test_projects_share_the_cash(cli: Cli, worked: Filled) -> None:
    rows = as_json(cli, "usage", "projects")
    assert [row["project"] for row in rows["data"]] == ["web", "shop", "-"]
    assert [row["cash_share"] for row in rows["data"]] == [0.9877, 0.0123, 0]
    tagged = as_json(cli, "usage", "projects", "--tags")["data"]
    assert [row["tag"] for row in tagged] == ["-", "client=acme", "-"]


def test_projects_of_one_name_are_told_apart(cli: Cli, filled: Filled, tmp_path: Path) -> None:
    for place in ("a", "b"):
        filled.call(now_ms() - 5, filled.session(tmp_path / place / "shop"))
    names = {row["project"] for row in as_json(cli, "usage", "projects")["data"]}
    assert names == {str(tmp_path / "a" / "shop"), str(tmp_path / "b" / "shop")}


def test_compare_says_where_the_numbers_are_too_few(cli: Cli, worked: Filled) -> None:
    both = ("usage", "compare", "local-coder", "claude-sonnet")
    found = as_json(cli, *both)
    assert [row["alias"] for row in found["data"]] == ["local-coder", "claude-sonnet"]
    assert found["kept"] == {"better": None, "chance": 1.0}
    assert found["rated"] == {"better": None, "chance": None}
    assert "kept changes: the numbers are too few to tell" in cli(*both).err
    assert "nothing to compare" in cli(*both).err


def test_compare_names_the_better_one_where_chance_does_not_explain_it(
    cli: Cli, filled: Filled
) -> None:
    for step in range(12):
        filled.commit(filled.call(now_ms() - 9, None, CLAUDE, cash=5))
        filled.commit(filled.call(now_ms() - 9, None, LOCAL), undone=step > 3)
    found = as_json(cli, "usage", "compare", "local-coder", "claude-sonnet")
    assert found["kept"]["better"] == "claude-sonnet"
    assert found["kept"]["chance"] == pytest.approx(0.0013, abs=0.0002)


def test_chance_is_fishers_exact_test() -> None:
    """Values of the tea that a lady tasted, and of a table with an empty side."""
    assert chance(3, 4, 1, 4) == pytest.approx(0.4857, abs=1e-4)
    assert chance(8, 10, 1, 10) == pytest.approx(0.0055, abs=1e-4)
    assert chance(0, 5, 0, 7) == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("compare", "local-coder", "local-coder"), "are one model"),
        (("compare", "local-coder", "nobody"), "there is no model called `nobody`"),
        (("compare", "local-coder", "claude-sonnet", "--kind", "poem"), "no calls of kind `poem`"),
        (("models", "--by", "day"), "nothing like `day`"),
        (("models", "--by", "kind,kind"), "each name once"),
        (("reconcile", "--provider", "nobody", "--invoice", "1"), "no paid model of `nobody`"),
        (("reconcile", "--provider", "openai", "--invoice", "-1"), "is not an amount"),
        (("reconcile", "--provider", "openai", "--invoice", "nan"), "is not an amount"),
        (("why", "--fields", "nothing"), "there is no column `nothing`"),
        (("projects", "--json", "--csv"), "print it as"),
        (("--model", "nobody"), "there is no model called `nobody`"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cli: Cli, filled: Filled, arguments: tuple[str, ...], what: str
) -> None:
    done = cli("usage", *arguments)
    assert done.code == 2
    assert what in done.err


def test_a_model_that_left_the_catalogue_is_still_counted(cli: Cli, filled: Filled) -> None:
    filled.call(now_ms() - 5, None, {**CLAUDE, "alias": "old-one"}, cash=7)
    assert as_json(cli, "usage", "--model", "old-one")["totals"]["calls"] == 1
    assert cli("usage", "compare", "old-one", "local-coder").code == 0
    done = cli("usage", "reconcile", "--provider", "anthropic", "--invoice", "1")
    assert "`old-one` is not in the catalogue any more" in done.err


def test_a_bill_that_agrees_is_good_and_one_that_does_not_is_explained(
    cli: Cli, worked: Filled
) -> None:
    bill = ("usage", "reconcile", "--provider", "Anthropic", "--invoice")
    assert cli(*bill, "1").code == 0
    assert cli(*bill, "1.02").code == 0
    assert cli(*bill, "0.98").code == 1
    assert cli(*bill, "0.98", "--within", "3").code == 0
    done = cli(*bill, "2.50")
    assert done.code == 1
    assert "billed $2.50, in the ledger $1.00: $1.50 (60%) less" in done.err
    assert "some of the cash is a worst case" in done.err
    found = as_json(cli, *bill, "2.50")
    assert (found["difference_usd"], found["difference_share"]) == ("-1.50", -0.6)
    assert cli(*bill, "0").code == 1


def test_a_bill_says_what_the_same_days_are_in_utc(
    cli: Cli, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LODESTAR_TIMEZONE", "Asia/Tokyo")
    filled.call(1_790_780_400_000, None, CLAUDE, cash=2 * 10**9)  # 2026-09-30 15:00 UTC
    done = cli("usage", "reconcile", "--provider", "anthropic", "--invoice", "1", "2026-10")
    assert "in the ledger $2.00" in done.err
    assert "the same days in UTC, as most providers cut them, come to $0.00" in done.err


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (
            {"provider": "litellm", "model": "anthropic/c", "key_env": "ANTHROPIC_API_KEY"},
            "anthropic",
        ),
        ({"provider": "litellm", "model": "bedrock/c"}, "bedrock"),
        ({"provider": "openai", "model": "m", "api_base": "https://api.x.ai/v1"}, "api.x.ai"),
        ({"provider": "ollama", "model": "m"}, "ollama"),
    ],
)
def test_a_provider_is_called_as_its_key_is(entry: dict[str, str], name: str) -> None:
    assert provider_of(ModelEntry(**entry)) == name  # type: ignore[arg-type]


@pytest.mark.parametrize("report", REPORTS, ids=IDS)
def test_an_empty_report_says_so_in_words(
    cli: Cli, filled: Filled, report: tuple[str, ...]
) -> None:
    done = cli(*report)
    assert "nothing was" in done.err


def test_without_ratings_and_outcomes_the_money_is_the_same(cli: Cli, worked: Filled) -> None:
    before = {report: as_json(cli, *report)["totals"] for report in REPORTS}
    with worked.store.write() as connection:
        for table in ("ratings", "signals"):
            connection.execute(f"DELETE FROM {table}")
    for report in REPORTS:
        after = as_json(cli, *report)["totals"]
        for name in ("calls", "cash_usd", "avoided_usd", "input_tokens"):
            assert (before[report] or {}).get(name) == (after or {}).get(name)
        assert (after or {}).get("kept") is None


def test_purged_calls_are_kept_as_sums_to_the_nano_dollar(cli: Cli, filled: Filled) -> None:
    old = now_ms() - 200 * 86_400_000
    for step in range(5):
        filled.call(old + step * 60_000, None, CLAUDE, cash=1_000_000_007 + step)
    filled.call(now_ms() - 5, None, CLAUDE, cash=11)
    before = as_json(cli, "usage", "all", "--by", "month,model")
    assert cli("data", "purge", "--older-than", "100d").code == 0
    assert len(filled.store.rows("SELECT id FROM charges")) == 1
    after = as_json(cli, "usage", "all", "--by", "month,model")
    assert (after["data"], after["totals"]) == (before["data"], before["totals"])
    assert Decimal(after["totals"]["cash_usd"]) == Decimal(filled.cash).scaleb(-9)
    why = as_json(cli, "usage", "why", "all")
    assert why["purged"] == {"calls": 5, "cash_usd": "5.000000045"}
    assert "5 calls more, $5.00, are known by their sum alone" in why["warnings"][0]
