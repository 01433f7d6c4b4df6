"""A price that the user states: what follows from it for the parts that were not stated."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from lodestar.errors import UsageError
from lodestar.prices.own import PRICES
from lodestar.settings import ModelEntry, OwnPrice

LONG = {"long_in": "price_in", "long_out": "price_out"}
_OF_INPUT = ("price_cache_read", "price_cache_write")


def stated(
    alias: str, entry: ModelEntry, given: Mapping[str, Decimal], day: str
) -> tuple[OwnPrice, list[str]]:
    """The whole price of an entry after what was given, and what to know of it.

    Where a part may not be right any more, it becomes dearer or unknown, never cheaper: a price
    that is too low would pass a limit. Raises UsageError where it cannot be meant.
    """
    before = {name: getattr(entry, name) for name in PRICES}
    after = {**before, **{name: given[name] for name in PRICES if name in given}}
    notes = _without_stale_cache(alias, before, after, given)
    long, more = _long(alias, entry, before, after, given)
    values = {"model": entry.model, **after, "long_prompt": long, "price_date": day}
    if after["price_in"] is None or after["price_out"] is None:
        do = f"lodestar prices set {alias} --in USD --out USD"
        raise UsageError(f"`{alias}` needs a price of input and of output", "one is unknown", do)
    try:
        return OwnPrice.model_validate(values), notes + more
    except ValidationError as error:
        raise _invalid(error) from error


def _without_stale_cache(
    alias: str,
    before: Mapping[str, Any],
    after: dict[str, Any],
    given: Mapping[str, Decimal],
) -> list[str]:
    """Prices of cached input go with the price of input that they belonged to."""
    if after["price_in"] == before["price_in"]:
        return []
    gone = [name for name in _OF_INPUT if name not in given and before[name] is not None]
    for name in gone:
        after[name] = None
    if not gone:
        return []
    options = " ".join(f"--{name.removeprefix('price_').replace('_', '-')}" for name in gone)
    return [f"{alias}: cached input counts as fresh, or more, until you give {options}"]


def _long(
    alias: str,
    entry: ModelEntry,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    given: Mapping[str, Decimal],
) -> tuple[dict[str, Any] | None, list[str]]:
    """What long prompts cost: as before, as given, or unknown where short ones became dearer."""
    stated = {name: given[option] for option, name in LONG.items() if option in given}
    if entry.long_prompt is None:
        if stated:
            why = f"no length is known above which `{alias}` costs more"
            raise UsageError("--long-in and --long-out have no meaning", why, "leave them out")
        return None, []
    long = entry.long_prompt.model_dump(exclude_none=True)
    if "price_in" in stated:
        long = {name: value for name, value in long.items() if name not in _OF_INPUT}
    risen = any((after[side] or 0) > (before[side] or 0) for side in ("price_in", "price_out"))
    if risen and len(stated) < len(LONG):
        above = entry.long_prompt.above
        note = f"{alias}: prompts above {above:,} tokens are refused until you give --long-in"
        return {"above": above}, [f"{note} and --long-out"]
    return {**long, **stated}, []


def _invalid(error: ValidationError) -> UsageError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    why = str(first["msg"]).removeprefix("Value error, ")
    what = f"`{place}` is no price" if place else "these prices cannot be right"
    if first["type"] == "greater_than":
        why = "a paid model costs something; a free one: lodestar models edit ALIAS --free"
    return UsageError(what, why, "prices are USD per million tokens, such as 0.15")
