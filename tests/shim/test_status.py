"""The status line as the shim tells it: what modules add, and what they cannot spoil."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lodestar_shim.questions import LASTS_S
from tests.fakes.gated import Gated
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

HASTE_S = 1.5
"""The launcher gives up after two seconds, and would miss the session's end with that."""


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def local() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def shim(up: Upstream, local: Upstream, isolated_home: Path) -> Iterator[Gated]:
    up.script()
    entry = {"provider": "openai", "model": "m", "api_base": up.url}
    models = {"flaky": {**entry, "billing": "free", "fallbacks": ["local-coder", "paid"]}}
    limits = {"session_minutes": 60}
    with Gated(isolated_home, up.url, local.url, models=models, limits=limits) as started:
        yield started


def poll(shim: Gated, model: str = "openai/free") -> dict[str, Any]:
    path = f"/lodestar/v1/poll?after=0&model={quote(model, safe='')}"
    return dict(json.loads(shim.request("GET", path)[2]))


def status(shim: Gated, model: str = "openai/free") -> list[str]:
    return list(poll(shim, model)["status"])


def test_what_modules_add_stands_after_what_core_says(shim: Gated) -> None:
    shim.set(status={"parts": ["today $0.41", "two\nlines\x1b[31m", 7, "", " " * 9, "x" * 500]})
    billing, left, *parts = status(shim)
    assert (billing, left) == ("FREE free", "59 min left")
    assert parts == ["today $0.41", "two lines", "x" * 77 + "..."]
    shim.set(status={"waits": "others have it", "parts": ["today $0.41"]})
    assert status(shim) == ["FREE free", "a request waits: others have it", left, "today $0.41"]
    shim.set(status={"closed": "a limit", "policy": "ask"})
    assert status(shim, "openai/paid") == ["CLOSED paid: a limit", left]


@pytest.mark.parametrize("nonsense", ["fails", 7, ["parts"], {"parts": "text", "waits": 3}])
def test_a_module_that_fails_or_says_nonsense_leaves_the_rest_as_it_is(
    shim: Gated, nonsense: Any
) -> None:
    shim.set(status=nonsense)
    for _ in range(3):
        assert status(shim) == ["FREE free", "59 min left"]
    log = (shim.home / "logs" / "shim.log").read_text("utf-8")
    assert log.count("a question for the status line failed") == (
        0 if type(nonsense) is dict else 1
    )


def test_a_module_that_is_slow_keeps_neither_the_end_nor_the_notices_from_the_user(
    shim: Gated,
) -> None:
    shim.set(status={"parts": ["said before"]})
    assert "said before" in status(shim)
    shim.set(think=True)
    began = time.monotonic()
    said = poll(shim)
    assert time.monotonic() - began < HASTE_S
    assert (said["notices"], said["end"]) == ([], None)
    assert said["status"] == ["FREE free", "59 min left", "said before"]
    # What was said of one model is not said of another.
    assert status(shim, "openai/paid") == ["PAID paid", "59 min left"]
    wait_for(lambda: status(shim) == ["FREE free", "59 min left"], LASTS_S + 10)
    shim.set(status={"parts": ["awake again"]})
    wait_for(lambda: "awake again" in status(shim))
    # Nor does a shim that is to leave wait for it.
    shim.set(think=True)
    poll(shim)
    assert shim.stop() == 0


def test_the_model_that_really_answered_is_named_where_it_is_another_one(
    shim: Gated, up: Upstream, local: Upstream
) -> None:
    edit = {"X-Lodestar-Kind": "edit"}
    usual = ["FREE flaky", "59 min left"]
    assert shim.chat("openai/flaky", edit)[0] == 200
    assert status(shim, "openai/flaky") == usual
    up.script("500", "500", "500")
    assert shim.chat("openai/flaky", edit)[0] == 200
    instead = [*usual, "last answer: FREE local-coder"]
    assert status(shim, "openai/flaky") == instead
    # A commit message is none of the user's own messages, and a failure is no answer.
    up.script()
    assert shim.chat("openai/flaky", {"X-Lodestar-Kind": "commit_message"})[0] == 200
    assert status(shim, "openai/flaky") == instead
    # Of what was asked before /model nothing is said.
    assert status(shim) == ["FREE free", "59 min left"]
    assert shim.chat("openai/flaky", edit)[0] == 200
    assert status(shim, "openai/flaky") == usual


def test_a_poll_says_itself_which_model_it_is_about(shim: Gated) -> None:
    """So a shim that was started anew knows it at once."""
    assert status(shim, "openai/nobody")[0] == "UNKNOWN nobody"
    assert status(shim, "openai/paid")[0] == "PAID paid"
    assert status(shim, "")[0] == "PAID paid"
