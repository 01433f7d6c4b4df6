"""The live session: its warnings, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from lodestar.exchange import Request
from lodestar.settings import Limits, Settings
from lodestar_shim.live import GRACE_S, LiveSession
from lodestar_shim.time_limit import status_text


class Clocks:
    """Two clocks: one that counts sleep, one that does not."""

    def __init__(self) -> None:
        self.boot, self.awake = 1000.0, 500.0

    def passes(self, seconds: float) -> None:
        self.boot += seconds
        self.awake += seconds


def live(clocks: Clocks, **limits: Any) -> LiveSession:
    settings = Settings(limits=Limits(**limits))
    started = clocks.boot
    return LiveSession("01S", "token", settings, started, lambda: clocks.boot, lambda: clocks.awake)


def request(turn: int | None, kind: Any = "edit") -> Request:
    return Request("01R", "01S", "fake", kind, True, {}, 0, 1, turn)


@pytest.mark.parametrize(
    ("minutes", "left_s", "text"),
    [
        (1, 11, "less than a minute of this session is left"),
        (10, 59, "less than a minute of this session is left"),
        (10, 61, "1 min of this session is left"),
        (30, 300, "5 min of this session are left"),
        (600, 7100, "1 h 58 min of this session are left"),
    ],
)
def test_what_is_left_of_a_session_is_said_in_words_that_are_true(
    minutes: int, left_s: float, text: str
) -> None:
    clocks = Clocks()
    session = live(clocks, session_minutes=minutes)
    clocks.passes(minutes * 60 - left_s)
    assert [notice["text"] for notice in session.poll(0)["notices"]] == [text]


@pytest.mark.parametrize(
    ("minutes", "warned_at"),
    [
        (1, [12]),
        (10, [120]),
        (50, [600]),
        (54, [648]),
        (60, [720, 600]),
        (120, [1440, 600]),
    ],
)
def test_each_warning_comes_once_and_two_never_together(minutes: int, warned_at: list[int]) -> None:
    clocks = Clocks()
    session = live(clocks, session_minutes=minutes)
    seen, count = [], 0
    for left in range(minutes * 60, -60, -1):
        clocks.boot = 1000.0 + minutes * 60 - left
        notices = len(session.poll(0)["notices"])
        if notices > count:
            seen.append(left)
        count = notices
    assert seen == warned_at


def test_who_slept_through_both_warnings_gets_one_and_who_slept_through_the_end_none() -> None:
    clocks = Clocks()
    session = live(clocks, session_minutes=120)
    clocks.boot += 119 * 60
    assert len(session.poll(0)["notices"]) == 1
    clocks = Clocks()
    session = live(clocks, session_minutes=120)
    clocks.boot += 27 * 3600
    assert not session.poll(0)["notices"]
    assert session.poll(0)["end"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "time is up"),
        (0.5, "<1 min left"),
        (59.9, "<1 min left"),
        (60, "1 min left"),
        (3599, "59 min left"),
        (7199, "1 h 59 min left"),
        (7200, "2 h left"),
        (90_000, "1 d 1 h left"),
    ],
)
def test_the_status_line_never_promises_more_than_is_left(seconds: float, text: str) -> None:
    assert status_text(seconds) == text


def test_after_an_extension_the_warnings_are_those_of_the_time_added() -> None:
    clocks = Clocks()
    session = live(clocks, session_minutes=120)
    clocks.passes(120 * 60)
    assert session.poll(0)["end"]
    session.extend_to(session.time.extended(30))  # type: ignore[union-attr]
    assert [n["text"] for n in session.poll(0)["notices"]] == ["the session goes on: 30 min left"]
    clocks.passes(24 * 60 + 1)
    assert session.poll(0)["notices"][-1]["text"] == "5 min of this session are left"
    assert len(session.poll(0)["notices"]) == 2


def test_a_turn_may_be_finished_for_ten_minutes_in_which_the_machine_is_awake() -> None:
    clocks = Clocks()
    session = live(clocks, session_minutes=60)
    assert session.closed_to(request(1)) is None
    clocks.boot += 27 * 3600
    assert session.poll(0)["end"]
    clocks.passes(GRACE_S)
    assert session.closed_to(request(1)) is None
    assert session.closed_to(request(2))
    clocks.passes(1)
    assert session.closed_to(request(1))
    assert session.closed_to(request(1, "commit_message")) is None


def test_a_summary_from_the_background_opens_no_turn() -> None:
    clocks = Clocks()
    session = live(clocks, idle_minutes=10)
    session.heard({"type": "idle", "turn": 3})
    assert session.closed_to(request(3, "summary")) is None
    clocks.passes(601)
    assert session.poll(0)["end"]["kind"] == "idle limit"


def test_a_late_word_of_the_prompt_does_not_close_the_turn_after_it() -> None:
    session = live(Clocks(), session_minutes=60)
    assert session.closed_to(request(2)) is None
    session.heard({"type": "idle", "turn": 1})
    assert session.turn == 2
    session.heard({"type": "idle", "turn": 2})
    assert session.turn is None


def test_an_end_for_another_reason_lets_the_turn_finish_and_cannot_be_put_off() -> None:
    session = live(Clocks())
    assert session.closed_to(request(1)) is None
    session.end("today's budget is used up.")
    session.end("something else.")
    assert session.poll(0)["end"] == {
        "kind": "budget",
        "reason": "today's budget is used up.",
        "minutes": None,
    }
    assert session.closed_to(request(1)) is None
    assert session.closed_to(request(2)) == "today's budget is used up."
