"""Edits of a free model that fail, as the launcher reports them, and what `auto` makes of it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.fakes.upstream import Upstream
from tests.shim.routed import Routed


def turn(shim: Routed, number: int, request: str, kind: str = "edit") -> dict[str, str]:
    return {"X-Lodestar-Kind": kind, "X-Lodestar-Turn": str(number), "X-Lodestar-Request": request}


def report(shim: Routed, number: int, request: str, kind: str = "apply", **event: Any) -> None:
    """What the launcher says of an edit, as Aider's launcher does."""
    event = {"id": f"{number}{request}{kind}".ljust(32, "0"), "type": kind, "turn": number,
             "request": request, "edited": [], "malformed": 0, "reflected": False,
             **event}  # fmt: skip
    assert shim.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204


def fail_twice(shim: Routed, number: int) -> None:
    """Two edits of one turn that could not be applied."""
    for request, kind in (("r1", "edit"), ("r2", "reflection")):
        status, headers, _ = shim.chat("auto", turn(shim, number, request, kind))
        assert (status, headers["X-Lodestar-Model"]) == (200, "local-coder")
        report(shim, number, request, malformed=1, reflected=True)


def test_after_two_failed_edits_the_third_try_goes_up_and_a_new_turn_begins_below(
    shims: Any, paid: Upstream
) -> None:
    shim = shims("auto")
    fail_twice(shim, 1)
    headers = shim.chat("auto", turn(shim, 1, "r3", "reflection"))[1]
    assert headers["X-Lodestar-Model"] == "mid"
    assert shim.tried() == [("mid", "local edit failed twice", "ok")]
    assert shim.chat("auto", turn(shim, 2, "r4"))[1]["X-Lodestar-Model"] == "local-coder"


def test_a_report_that_comes_after_the_next_request_is_waited_for(shims: Any) -> None:
    shim = shims("auto")
    shim.chat("auto", turn(shim, 11, "r1"))
    report(shim, 11, "r1", malformed=1)
    shim.chat("auto", turn(shim, 11, "r2", "reflection"))
    late = threading.Timer(0.1, report, (shim, 11, "r2"), {"reflected": True})
    late.start()
    headers = shim.chat("auto", turn(shim, 11, "r3", "reflection"))[1]
    late.join()
    assert headers["X-Lodestar-Model"] == "mid"


def test_an_edit_that_worked_begins_the_count_anew(shims: Any) -> None:
    shim = shims("auto")
    fail_twice(shim, 21)
    shim.chat("auto", turn(shim, 21, "r3", "reflection"))
    report(shim, 21, "r3", edited=["a.py"])
    headers = shim.chat("auto", turn(shim, 21, "r4", "reflection"))[1]
    assert headers["X-Lodestar-Model"] == "local-coder"


@pytest.mark.parametrize("kind", ["lint", "test"])
def test_edits_that_fail_lint_or_tests_count_though_they_were_applied(
    shims: Any, kind: str
) -> None:
    shim = shims("auto")
    number = {"lint": 31, "test": 41}[kind]
    for request in ("r1", "r2"):
        shim.chat("auto", turn(shim, number, request, "edit" if request == "r1" else "reflection"))
        report(shim, number, request, edited=["a.py"])
        report(shim, number, request, kind, errors=True)
    headers = shim.chat("auto", turn(shim, number, "r3", "reflection"))[1]
    assert headers["X-Lodestar-Model"] == "mid"


def test_ask_refuses_after_two_failed_edits_and_names_the_way_and_its_price(
    shims: Any, paid: Upstream
) -> None:
    shim = shims("ask")
    fail_twice(shim, 1)
    status, _, body = shim.chat("auto", turn(shim, 1, "r3", "reflection"))
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (400, "escalation_refused")
    lines = [line.strip() for line in error["message"].strip().split("\n")]
    assert lines[0] == (
        "Lodestar stopped this request: the edit by `local-coder` failed twice, and a model above"
        " it is asked only when you say so"
    )
    assert lines[1].startswith("go on with /model mid (under a cent for this message")
    assert lines[1].endswith("or say it in other words, and `local-coder` tries again")
    assert "for its answer" in lines[1]
    row = shim.wait_row("SELECT * FROM exchanges WHERE status = 'refused' ORDER BY id DESC")
    assert row["error"].startswith("the edit by `local-coder` failed twice")
    assert not paid.chats
    # The next message is the free model's again, and the named one answers.
    assert shim.chat("auto", turn(shim, 2, "r4"))[1]["X-Lodestar-Model"] == "local-coder"
    assert shim.served("mid") == "mid"


def test_never_goes_on_for_free_after_any_number_of_failed_edits(
    shims: Any, paid: Upstream
) -> None:
    shim = shims("never")
    fail_twice(shim, 1)
    assert shim.chat("auto", turn(shim, 1, "r3", "reflection"))[1]["X-Lodestar-Model"] == (
        "local-coder"
    )
    assert not paid.chats
