"""What was decided and configured: the repository's trust, prices, local models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timezone

from lodestar.catalog import Catalog
from lodestar.doctor.check import Check, Problem
from lodestar.loading import Context
from lodestar.paths import builtin_profiles
from lodestar.prices.own import unused
from lodestar.settings import ModelEntry, Settings

OLD_DAYS = 90


def checks(context: Context, environ: Mapping[str, str] = os.environ) -> list[Check]:
    """The checks of a configuration."""
    return [
        Check("a repository of which you have decided", lambda: undecided(context)),
        Check("prices that are known and not old", lambda: prices(context)),
        Check("local models that can answer", lambda: local(context, environ)),
    ]


def undecided(context: Context) -> list[Problem]:
    """A repository that wants to set something, without the user's word."""
    if not context.standing.undecided or not context.lines:
        return []
    first = context.lines[0]
    more = f" (and {len(context.lines) - 1} more)" if len(context.lines) > 1 else ""
    what = f"this repository wants to set something: {first.file}: {first.text}{more}"
    changed = "it has changed since you decided" if context.standing.changed else "it is ignored"
    return [Problem(what, "lodestar trust", changed, "warn")]


def prices(context: Context, today: date | None = None) -> list[Problem]:
    """Paid models without a price, which are closed, and prices that were looked up long ago."""
    paid = [(alias, entry) for alias, entry in context.catalog if entry.paid]
    unknown = [alias for alias, one in paid if one.price_in is None or one.price_out is None]
    found = []
    if unknown:
        do = f"lodestar prices set {unknown[0]} --in USD --out USD"
        why = "a call whose worst case is not known is never made"
        found.append(Problem(f"no price is known for {', '.join(unknown)}", do, why, "warn"))
    now = today or datetime.now(timezone.utc).date()
    old = [alias for alias, entry in paid if (_age(entry, now) or 0) > OLD_DAYS]
    if old:
        days = max(_age(entry, now) or 0 for alias, entry in paid if alias in old)
        do = f"lodestar prices set {old[0]} --in USD --out USD, or lodestar prices update FILE"
        what = f"the prices of {', '.join(old)} are up to {days} days old"
        found.append(Problem(what, do, "budgets are as right as the prices", "warn"))
    return [*found, *_unused(context)]


def _unused(context: Context) -> list[Problem]:
    """Prices of aliases that stand for another model by now."""
    built_in = dict(Catalog.load(Settings(), builtin_profiles()))
    return [
        Problem(
            f"your price of {alias} is not used",
            f"lodestar prices set {alias} --built-in, or --in USD --out USD",
            f"`{alias}` stands for another model than the price is of",
            "warn",
        )
        for alias in unused(context.settings, built_in)
    ]


def local(context: Context, environ: Mapping[str, str]) -> list[Problem]:
    """Local aliases that cannot be what they are meant to be."""
    from lodestar.local_models import resolve

    found = resolve(context.home, context.settings, context.catalog, environ)
    used = {context.settings.main, context.settings.weak, context.settings.editor}
    return [
        Problem(
            why,
            "start Ollama, or choose another model: lodestar models list",
            level="warn",
        )
        for alias, why in found.reasons.items()
        if why and alias in used
    ]


def _age(entry: ModelEntry, today: date) -> int | None:
    """Days since its prices were looked up; None where nobody says when."""
    try:
        return (today - date.fromisoformat(entry.price_date or "")).days
    except ValueError:
        return None
