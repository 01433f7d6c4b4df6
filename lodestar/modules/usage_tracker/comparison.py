"""The paid model that free work is compared with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml

from lodestar.catalog import Catalog
from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.charges import Against
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.paths import builtin_profiles
from lodestar.settings import Settings

log = logging.getLogger("lodestar.usage_tracker")
_last: list[tuple[Settings, Against | None]] = []


def compared_with(settings: Settings) -> Against | None:
    """The alias that `compare_with` names, and its price; None where there is neither.

    Settings are read once in a process, so the answer is kept for them.
    """
    if not (_last and _last[0][0] is settings):
        _last[:] = [(settings, _found(settings))]
    return _last[0][1]


def _found(settings: Settings) -> Against | None:
    alias = module_settings(settings).get("compare_with")
    if alias is None:
        return None
    try:
        price = price_of(Catalog.load(settings, builtin_profiles()).get(str(alias)))
    except UsageError as error:
        log.warning("compare_with: %s", error.what)
        return None
    return None if price is None else (str(alias), price)


def module_settings(settings: Settings) -> dict[str, Any]:
    """The module's own settings, the user's over the defaults."""
    defaults = yaml.safe_load(Path(__file__).with_name("config.yaml").read_text("utf-8"))
    return {**defaults, **settings.modules.get("usage_tracker", {})}
