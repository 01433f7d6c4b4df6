"""Writing prices to config.yaml, and taking the last change back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestar.clock import local_text, now_ms
from lodestar.config import read_layer
from lodestar.editing import change_places
from lodestar.errors import LodestarError, UsageError
from lodestar.loading import Context, load
from lodestar.paths import Home, write_private
from lodestar.prices.comparing import figures
from lodestar.prices.own import OF_THE_PRICE, written
from lodestar.settings import OwnPrice

KEPT = 20
"""So many changes can be taken back, one after another."""
Place = tuple[list[str], Any]
"""Keys of config.yaml, and what is there; None for nothing."""


def write(context: Context, prices: Mapping[str, OwnPrice | None], what: str) -> None:
    """Write the prices, all or none of them; None is the built-in price again.

    Raises UsageError where config.yaml cannot take them, and LodestarError where something else
    than config.yaml decides about one of them.
    """
    file, values = context.home.config_file, _values(context.home)
    after = [place for alias, price in prices.items() for place in _places(context, alias, price)]
    # What is set comes first: it gives an entry on one line the lines that can be removed.
    after.sort(key=lambda place: place[1] is None)
    before = [(keys, _at(values, keys)) for keys, _ in after]
    done = _done(context.home)
    change_places(file, after)
    entry = {"at": local_text(now_ms()), "what": what, "before": before, "after": after}
    _keep(context.home, [*done, entry])
    _check(prices)


def undo(home: Home) -> str:
    """Take the last change back; returns what it was. Raises UsageError where that cannot be."""
    done = _done(home)
    if not done:
        raise UsageError("no change of prices is left to undo", "", "see: lodestar prices list")
    last, values = done[-1], _values(home)
    for keys, value in last["after"]:
        if _at(values, keys) != value:
            raise UsageError(
                f"`{'.'.join(keys)}` has been changed since",
                f'undoing "{last["what"]}" would overwrite that',
                "set the price you want: lodestar prices set",
            )
    back: list[Place] = sorted(last["before"], key=lambda place: place[1] is None)
    change_places(home.config_file, back)
    _keep(home, done[:-1])
    return f"{last['what']}, {last['at']}"


def _places(context: Context, alias: str, price: OwnPrice | None) -> list[Place]:
    models = _values(context.home).get("models") or {}
    if alias not in context.settings.models:
        return [(["prices", alias], written(price) if price else None)]
    if alias not in models:
        raise UsageError(
            f"the entry of `{alias}` is not in {context.home.config_file}",
            "a profile or a variable has it",
            "change it there",
        )
    if price is None:
        why = f"`{alias}` is yours, so Lodestar has no price for it"
        raise UsageError("there is no built-in price to go back to", why, "lodestar prices undo")
    values = {**dict.fromkeys(OF_THE_PRICE), **written(price)}
    return [(["models", alias, name], values[name]) for name in OF_THE_PRICE]


def _check(prices: Mapping[str, OwnPrice | None]) -> None:
    """What was written must be what a session would pay by."""
    catalog = load().catalog
    for alias, price in prices.items():
        if price is not None and figures(catalog.get(alias)) != figures(price):
            raise LodestarError(
                f"the price of `{alias}` is written, but another one is in force",
                "a profile or a variable says something else",
                f"see where it is from: lodestar prices show {alias}",
            )


def _values(home: Home) -> dict[str, Any]:
    file = home.config_file
    return dict(read_layer(file).values) if file.is_file() else {}


def _at(values: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if not isinstance(values, Mapping) or key not in values:
            return None
        values = values[key]
    return values


def _file(home: Home) -> Path:
    return home.root / "price-changes.json"


def _done(home: Home) -> list[dict[str, Any]]:
    file = _file(home)
    try:
        found = json.loads(file.read_text("utf-8")) if file.exists() else []
        usable = all({"what", "at", "before", "after"} <= one.keys() for one in found)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _damaged(file) from error
    if not usable:
        raise _damaged(file)
    return list(found)


def _damaged(file: Path) -> LodestarError:
    why = "it says which prices were changed, and is damaged"
    return LodestarError(f"cannot read {file}", why, "delete it; prices stay as they are")


def _keep(home: Home, done: Sequence[Mapping[str, Any]]) -> None:
    write_private(_file(home), json.dumps(done[-KEPT:], indent=1))
