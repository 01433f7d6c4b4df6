"""What the Tab key offers for the reports' own words; each is imported where it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args


def periods(incomplete: str) -> list[str]:
    """The periods that have names."""
    from lodestar.modules.usage_tracker.reports.period import WORDS

    return _beginning(WORDS, incomplete)


def formats(incomplete: str) -> list[str]:
    """The ways to print a report."""
    from lodestar.modules.usage_tracker.reports.printing import Format

    return _beginning(get_args(Format), incomplete)


def keys(incomplete: str) -> list[str]:
    """What `usage` has rows for; after a comma those that are not there yet."""
    from lodestar.modules.usage_tracker.reports.usage import BY

    return _listed(BY, incomplete)


def model_keys(incomplete: str) -> list[str]:
    """What `usage models` has rows for."""
    from lodestar.modules.usage_tracker.reports.latency import KEYS

    return _listed(KEYS, incomplete)


def tabs(incomplete: str) -> list[str]:
    """The dashboard's tabs."""
    from lodestar.modules.usage_tracker.dashboard.tabs import TABS

    return _beginning(TABS, incomplete)


def dashboard_periods(incomplete: str) -> list[str]:
    """The periods that the dashboard knows."""
    from lodestar.modules.usage_tracker.dashboard.tabs import PERIODS

    return _beginning(PERIODS, incomplete)


def ends(incomplete: str) -> list[str]:
    """When a raise of a budget ends."""
    return _beginning(("midnight", "1h", "2h", "1d"), incomplete)


def _listed(known: Iterable[str], incomplete: str) -> list[str]:
    head, comma, begun = incomplete.rpartition(",")
    there = head.split(",")
    return [head + comma + name for name in _beginning(known, begun) if name not in there]


def _beginning(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
