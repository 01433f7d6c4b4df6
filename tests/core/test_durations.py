"""Lengths of time, read and written."""

from __future__ import annotations

import pytest

from lodestar.durations import duration_text, parse_duration
from lodestar.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86_400),
        ("90d", 7_776_000),
        ("1h30m", 5400),
        (" 1H 30m ", 5400),
        ("1d2h3m4s", 93_784),
        ("0s", 0),
    ],
)
def test_a_length_of_time_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_a_plain_number_has_the_unit_that_is_meant() -> None:
    assert parse_duration("90", bare="m") == 5400
    assert parse_duration("90", bare="d") == 90 * 86_400
    with pytest.raises(UsageError):
        parse_duration("90")


@pytest.mark.parametrize(
    "text", ["", " ", "h", "soon", "1.5h", "-5m", "30m1h", "1h1h", "2h 90", "12345678m", "١m", "5w"]
)
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_duration(text, bare="m")
    assert len(str(refused.value).splitlines()) == 3
    assert "1h30m" in refused.value.do


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (7199, "1 h 59 min"),
        (7200, "2 h"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
    ],
)
def test_a_length_of_time_is_written_in_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
