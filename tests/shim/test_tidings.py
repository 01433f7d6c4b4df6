"""What gates and modules have to say reaches the user, and every module hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gated import Gated
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def shim(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    with Gated(tmp_path_factory.mktemp("home"), upstream.url, upstream.url) as running:
        yield running


def _events(shim: Gated, kind: str) -> list[dict[str, Any]]:
    return [event for event in shim.log("type") if event["type"] == kind]


def _shown(shim: Gated, count: int) -> list[tuple[str, str]]:
    """The newest notices, once there are so many more than before."""
    return [(notice["level"], notice["text"]) for notice in shim.notices()][-count:]


def test_what_a_gate_says_is_shown_after_the_answer_and_told_to_the_modules(shim: Gated) -> None:
    shim.set(notices=["the answer may have 256 tokens at most", "waited for other calls"])
    before = len(shim.notices())
    status, _, body = shim.chat("paid", stream=True)
    assert status == 200
    assert b"256 tokens" not in body
    wait_for(lambda: len(shim.notices()) == before + 2)
    assert _shown(shim, 2) == [
        ("info", "the answer may have 256 tokens at most"),
        ("info", "waited for other calls"),
    ]
    wait_for(lambda: len(_events(shim, "notice")) >= 2)
    told = _events(shim, "notice")[-2:]
    assert [event["text"] for event in told] == [text for _, text in _shown(shim, 2)]
    assert {event["level"] for event in told} == {"info"}


@pytest.mark.parametrize("notices", ["a text", 5, None, {"a": 1}, [5, None]])
def test_a_gate_that_says_it_badly_hurts_nobody(shim: Gated, notices: Any) -> None:
    shim.set(notices=notices)
    before = shim.notices()
    assert shim.chat("paid")[0] == 200
    assert shim.notices() == before


def test_a_module_is_asked_after_each_exchange(shim: Gated) -> None:
    ticks = len(_events(shim, "tick"))
    shim.set(tick=[{"text": "80 % of the daily limit", "level": "warn"}, {"text": "and a line"}])
    before = len(shim.notices())
    assert shim.chat("free")[0] == 200
    wait_for(lambda: len(shim.notices()) == before + 2)
    assert _shown(shim, 2) == [("warn", "80 % of the daily limit"), ("info", "and a line")]
    assert len(_events(shim, "tick")) > ticks


@pytest.mark.parametrize(
    "said", ["a text", 5, {"text": "not in a list"}, [5], [{"text": 5}], [{"level": "warn"}],
             [{"text": "x", "level": "loud"}], [{"text": "x", "level": ["warn"]}], [[]],
             [{"text": "x", "title": 5}], [{"text": "x", "title": None}]],
)  # fmt: skip
def test_what_a_module_says_badly_is_left_out_and_logged(shim: Gated, said: Any) -> None:
    good = {"text": f"after {said}", "level": "info"}
    shim.set(tick=said)
    log = shim.home / "logs" / "shim.log"
    before = log.read_text("utf-8").count("a module's notice")
    assert shim.chat("free")[0] == 200
    wait_for(lambda: log.read_text("utf-8").count("a module's notice") > before)
    shim.set(tick=[good])
    assert shim.chat("free")[0] == 200
    wait_for(lambda: _shown(shim, 1) == [("info", good["text"])])


def test_a_title_goes_with_its_notice_on_one_line(shim: Gated) -> None:
    said = {"text": "with a title", "level": "warn", "title": "80 %\n of\x1b[2J it " + "x" * 200}
    shim.set(tick=[said])
    assert shim.chat("free")[0] == 200
    wait_for(lambda: _shown(shim, 1) == [("warn", "with a title")])
    newest = shim.notices()[-1]
    assert newest["title"].startswith("80 % of it xxx")
    assert len(newest["title"]) == 100
    assert "title" not in shim.notices()[0]


def test_a_module_is_asked_without_any_exchange_as_well(upstream: Upstream, tmp_path: Path) -> None:
    gate = {"tick": [{"text": "a new day", "level": "info"}]}
    with Gated(tmp_path, upstream.url, upstream.url, {"tick_s": 0.1}, gate) as shim:
        wait_for(shim.notices)
        assert [notice["text"] for notice in shim.notices()] == ["a new day"]
        wait_for(lambda: len(_events(shim, "tick")) > 2)
