"""The user's prices over the built-in ones: one place for the price of each alias."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lodestar.errors import UsageError
from lodestar.settings import ModelEntry, OwnPrice, Settings

PRICES = ("price_in", "price_out", "price_cache_read", "price_cache_write")
OF_THE_PRICE = (*PRICES, "long_prompt", "price_source", "price_date")


def priced(entries: Mapping[str, ModelEntry], settings: Settings) -> dict[str, ModelEntry]:
    """The built-in entries at the user's prices.

    Raises UsageError where an alias has a price in two places: nobody could say which one holds.
    """
    twice = sorted(settings.prices.keys() & settings.models.keys())
    if twice:
        raise UsageError(
            f"the price of `{twice[0]}` is in two places",
            f"`models.{twice[0]}` is yours, so `prices.{twice[0]}` has no meaning",
            f"remove `{twice[0]}` below `prices:` from config.yaml",
        )
    found = dict(entries)
    for alias, own in settings.prices.items():
        if fits(entries.get(alias), own):
            found[alias] = at(entries[alias], own)
    return found


def fits(entry: ModelEntry | None, own: OwnPrice) -> bool:
    """Whether the prices are those of this entry: of another model they mean nothing."""
    return entry is not None and entry.paid and entry.model == own.model


def unused(settings: Settings, built_in: Mapping[str, ModelEntry]) -> list[str]:
    """The aliases below `prices:` that stand for another model now, or for none."""
    return [a for a, own in settings.prices.items() if not fits(built_in.get(a), own)]


def at(entry: ModelEntry, own: OwnPrice) -> ModelEntry:
    """The entry at these prices, and at nothing that is left of its own."""
    kept = entry.model_dump(exclude_unset=True, exclude=set(OF_THE_PRICE))
    return ModelEntry.model_validate({**kept, **own.model_dump(exclude_none=True)})


def own_price(entry: ModelEntry) -> OwnPrice | None:
    """What an entry costs, alone; None where a side of it is unknown or nothing."""
    if not entry.paid or not entry.price_in or not entry.price_out:
        return None
    kept = entry.model_dump(exclude_none=True, include=set(OF_THE_PRICE))
    return OwnPrice.model_validate({"model": entry.model, **kept})


def written(own: OwnPrice) -> dict[str, Any]:
    """The prices as they stand in a file."""
    return _plain(own.model_dump(exclude_none=True))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found[name] = _plain(value)
        elif isinstance(value, Decimal):
            found[name] = int(value) if value == int(value) else float(value)
        else:
            found[name] = value
    return found
