"""The period of a report: whole days of the user's time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.windows import day_of, midnight

WORDS = ("today", "yesterday", "week", "month", "year", "all")
_DAYS_AGO = re.compile(r"([0-9]{1,4})d\Z")
_FIRST = date(2000, 1, 1)


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included, in a time zone (None: the system's)."""

    first: date
    last: date
    zone: tzinfo | None

    @property
    def start_ms(self) -> int:
        """When the first day begins, UTC milliseconds."""
        return midnight(self.first, self.zone)

    @property
    def end_ms(self) -> int:
        """When the last day is over, UTC milliseconds."""
        return midnight(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def text(self) -> str:
        """Its days, for a title."""
        same = self.first == self.last
        return (
            f"{self.first:%a %d %b %Y}"
            if same
            else f"{self.first:%d %b %Y} to {self.last:%d %b %Y}"
        )


def period_of(
    word: str | None, since: str | None, until: str | None, now_ms: int, zone: tzinfo | None
) -> Period:
    """The period that was asked for; without a word or a date it is this week.

    A word ends today: `week` begins on Monday, `month` and `year` on their first day. A month is
    also `2026-11`, a year `2026`. Raises UsageError.
    """
    now = day_of(now_ms, zone)
    if word and (since or until):
        raise UsageError(
            f"`{word}` and dates do not go together",
            "a period is either a word, or --since and --until",
            "leave one of them out",
        )
    if since or until:
        first = _day(since, now) if since else _FIRST
        last = _day(until, now) if until else now
    else:
        first, last = _named(word or "week", now)
    if not until and first > now:
        raise UsageError(f"{first} is not yet", "nothing was used on a day to come", "take another")
    if first > last:
        raise UsageError(
            f"the period ends before it begins ({first} to {last})", "", "swap the dates"
        )
    return Period(first, last, zone)


def _named(word: str, now: date) -> tuple[date, date]:
    yesterday = now - timedelta(days=1)
    named = {
        "today": (now, now),
        "yesterday": (yesterday, yesterday),
        "week": (now - timedelta(days=now.weekday()), now),
        "month": (now.replace(day=1), now),
        "year": (now.replace(month=1, day=1), now),
        "all": (_FIRST, now),
    }
    if word in named:
        return named[word]
    if re.fullmatch(r"20[0-9]{2}", word):
        return date(int(word), 1, 1), date(int(word), 12, 31)
    if re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", word):
        first = date.fromisoformat(f"{word}-01")
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", word):
        return _day(word, now), _day(word, now)
    raise UsageError(
        f"`{word}` is no period",
        f"it is one of {', '.join(WORDS)}, a year, a month such as 2026-11, or a day",
        "or use --since 2026-11-01 --until 2026-11-30",
    )


def _day(text: str, now: date) -> date:
    ago = _DAYS_AGO.fullmatch(text)
    if ago:
        return max(_FIRST, now - timedelta(days=int(ago[1])))
    if text in ("today", "yesterday"):
        return _named(text, now)[0]
    try:
        # Checked by hand: newer versions of Python take more than that.
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return max(_FIRST, date.fromisoformat(text))
    except ValueError:
        raise UsageError(
            f"`{text}` is no day", "", "write it as 2026-11-24, or 30d for 30 days ago"
        ) from None
