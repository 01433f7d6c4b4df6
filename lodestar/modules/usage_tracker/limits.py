"""Limits: how much a call, a session, a day, a week or a month may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from lodestar.money import NANO
from lodestar.settings import Limits as LimitSettings

Window = Literal["call", "session", "day", "week", "month"]
Unit = Literal["usd", "tokens"]
Policy = Literal["downgrade", "ask", "stop"]
WINDOWS: tuple[Window, ...] = get_args(Window)
SETTING_NAMES: dict[Window, str] = {
    "call": "call",
    "session": "session",
    "day": "daily",
    "week": "weekly",
    "month": "monthly",
}


@dataclass(frozen=True)
class Limit:
    """One limit. `amount` is nano-dollars or paid tokens (`unit`).

    `project` is a project id and `alias` a model's; None is all of them. `source` says where
    the limit comes from: `budget`, or the key of the settings.
    """

    window: Window
    unit: Unit
    amount: int
    policy: Policy
    source: str
    project: str | None = None
    alias: str | None = None

    @property
    def key(self) -> str:
        """What makes it this limit and no other; stable across changes of its amount."""
        return "/".join((self.source, self.window, self.unit, self.project or "", self.alias or ""))


def from_settings(limits: LimitSettings) -> list[Limit]:
    """The limits that configuration, profile, project file and flags set."""
    found: list[Limit] = []
    for window, name in SETTING_NAMES.items():
        dollars = getattr(limits, f"{name}_usd")
        if dollars is not None:
            amount = int(dollars * NANO)
            # A call that is too dear is no reason to answer it worse unasked.
            policy: Policy = "ask" if window == "call" else limits.on_limit
            found.append(Limit(window, "usd", amount, policy, f"limits.{name}_usd"))
        tokens = getattr(limits, f"{name}_tokens", None)
        if tokens is not None:
            source = f"limits.{name}_tokens"
            found.append(Limit(window, "tokens", tokens, limits.on_limit, source))
    return found
