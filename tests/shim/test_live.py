"""The notice that a session's time is nearly up."""

from __future__ import annotations

import pytest
from pytest_mock import MockerFixture

from lodestar.settings import Limits, Settings
from lodestar_shim.live import LiveSession


@pytest.mark.parametrize(
    ("minutes", "left_s", "text"),
    [
        (1, 11, "less than a minute of this session is left"),
        (10, 59, "less than a minute of this session is left"),
        (10, 61, "1 min of this session is left"),
        (30, 300, "5 min of this session are left"),
        (10, -5, "less than a minute of this session is left"),
    ],
)
def test_what_is_left_of_a_session_is_said_in_words_that_are_true(
    mocker: MockerFixture, minutes: int, left_s: float, text: str
) -> None:
    settings = Settings(limits=Limits(session_minutes=minutes))
    live = LiveSession("01S", "token", settings, started=1000.0)
    mocker.patch("lodestar_shim.live.boot_seconds", return_value=1000.0 + minutes * 60 - left_s)
    assert [notice["text"] for notice in live.poll(0)["notices"]] == [text]
