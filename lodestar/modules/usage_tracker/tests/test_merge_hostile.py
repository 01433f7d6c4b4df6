"""A file that is no honest export changes nothing of what is known here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker.tests.merging import (
    SETS,
    Export,
    Line,
    Other,
    counts,
    export,
    here,
    lines,
    other,
    written,
)
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.paths import Home
from lodestar.store.exchanges import open_exchange
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import a_request, reported

__all__ = ["cli", "export", "home", "other"]


CLASHES: dict[str, Callable[[Line], object]] = {
    "the exchange": lambda line: line.update(started_ms=line["started_ms"] + 1),
    "the session": lambda line: line["session"].update(
        started_ms=line["session"]["started_ms"] + 1
    ),
    "a row of charges": lambda line: (
        line.update(id="01J00000000000000000000000"),
        line["charges"][0].update(exchange_id="01J00000000000000000000000"),
        line["attempts"].clear(),
    ),
}


@pytest.mark.parametrize("name", CLASHES)
def test_ids_that_belong_to_something_else_stop_it_before_anything_is_written(
    name: str, cli: Cli, home: Home, other: Other, export: Export, tmp_path: Path
) -> None:
    first, second, third = lines(export("a.jsonl"))
    cli("data", "merge", str(written(tmp_path / "one.jsonl", first)))
    CLASHES[name](first)
    before, money = counts(home), here(home)
    done = cli("data", "merge", str(written(tmp_path / "x.jsonl", second, first, third)))
    assert done.code == 1
    assert "belong to something else" in done.error[0]
    assert done.error[1].startswith(f"why:   line 2: {name}")
    assert (counts(home), here(home)) == (before, money)


def test_a_hostile_file_cannot_lower_what_was_spent_here(
    cli: Cli, home: Home, other: Other, export: Export, tmp_path: Path
) -> None:
    """A charge in the place of ours, or one that corrects ours, would open a limit again."""
    with Store.open(home.database, SETS) as store:
        start_session(store, home, Session("S9", tmp_path, "default", None, 1))
        request = a_request(session="S9")
        open_exchange(store, request, [])
        spend(store, reported(30, 900), limited(), request)
        mine = dict(store.rows("SELECT * FROM charges")[0])
    before = here(home)
    (first, *_) = lines(export("a.jsonl"))
    first["charges"][0] |= {"hold_id": mine["hold_id"], "cash_nano": 0}
    first["charges"] += [
        {
            **first["charges"][0],
            "id": "C2",
            "hold_id": None,
            "corrects": mine["id"],
            "cash_nano": -9999,
        },
        {**first["charges"][0], "id": "C3", "hold_id": None, "cash_nano": -9999},
        {**first["charges"][0], "id": "C4", "hold_id": None, "cash_nano": 2**52},
        {**first["charges"][0], "id": "C5", "hold_id": None, "billing": "gift"},
        {**first["charges"][0], "id": "C6", "hold_id": "H6", "price_in_nano": None},
    ]
    first["budgets"] = [{"id": "B", "exchange_id": first["id"], "amount": 10**15}]
    done = cli("data", "merge", str(written(tmp_path / "x.jsonl", first)))
    assert here(home) == before, done.err
    assert "its hold belongs to another exchange" in done.err
    assert counts(home)["charges"] == 1
    assert counts(home)["budgets"] == 0


SIGNAL = {"id": "s", "type": "commit", "data": "{", "created_ms": 1_700_000_000_000}
ODD: dict[str, Callable[[Line], object]] = {
    "negative tokens": lambda line: line.update(input_tokens=-1),
    "year 1": lambda line: line.update(started_ms=-62_135_596_800_000),
    "year 9999": lambda line: line["charges"][0].update(window_ms=253_402_300_799_000),
    "huge": lambda line: line["charges"][0].update(cash_nano=10**30),
    "text for a number": lambda line: line["charges"][0].update(cash_nano="1"),
    "a number for text": lambda line: line.update(status=1),
    "an unknown status": lambda line: line.update(status="gone"),
    "no session": lambda line: line.update(session=None),
    "no machine": lambda line: line.pop("machine_id"),
    "another schema": lambda line: line.update(schema="lodestar.exchange/2"),
    "an id with a quote": lambda line: line.update(id="a'b"),
    "a list for an exchange": lambda line: line.update(charges={"a": 1}),
    "signals that are no JSON": lambda line: line.update(
        signals=[{**SIGNAL, "exchange_id": line["id"]}]
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_a_line_that_cannot_be_is_left_out_and_named(
    name: str, cli: Cli, home: Home, other: Other, export: Export, tmp_path: Path
) -> None:
    first, second, third = lines(export("a.jsonl"))
    ODD[name](second)
    done = cli("data", "merge", str(written(tmp_path / "x.jsonl", first, second, third)))
    assert done.code == 1
    assert "line 2: not understood: " in done.err
    assert "2 exchanges taken in" in done.err
    here(home)


@pytest.mark.parametrize(
    "content", [b"{", b"{" * 5_000_000, b'{"schema": 1}\n\x00\xff\n', b"{}\n[]\n"]
)
def test_what_is_no_export_is_refused(content: bytes, cli: Cli, home: Home, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    done = cli("data", "merge", str(tmp_path / "x"))
    assert done.code == 2
    assert done.error[0].endswith("is no export of Lodestar's")


def test_an_export_that_ends_in_the_middle_says_so(
    cli: Cli, home: Home, other: Other, export: Export
) -> None:
    path = export("a.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    done = cli("data", "merge", str(path))
    assert done.code == 1
    assert "line 3: not understood: the file ends within it" in done.err
    assert "2 exchanges taken in" in done.err
