"""`lodestar models edit`: other values for an alias; a built-in one becomes one of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli import model_entry
from lodestar.cli.model_add import completed
from lodestar.cli.model_entry import (
    ApiBase,
    Fallback,
    Free,
    KeyEnv,
    MaxOutput,
    Note,
    PriceCacheRead,
    PriceCacheWrite,
    PriceIn,
    PriceOut,
    Provider,
    Tier,
    Window,
)
from lodestar.cli.output import note as say
from lodestar.errors import UsageError
from lodestar.prices.own import OF_THE_PRICE, PRICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lodestar.loading import Context

OF_THE_MODEL = (*OF_THE_PRICE, "context", "max_output", "aider", "label", "note")
"""What does not hold for another model, unless it is given again."""


def edit(
    alias: Annotated[str, typer.Argument(help="The alias to change.")],
    model: Annotated[str | None, typer.Option(help="The identifier that the server knows.")] = None,
    api_base: ApiBase = None,
    provider: Provider = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    price_cache_read: PriceCacheRead = None,
    price_cache_write: PriceCacheWrite = None,
    free: Free = False,
    tier: Tier = None,
    context: Window = None,
    max_output: MaxOutput = None,
    key_env: KeyEnv = None,
    fallback: Fallback = None,
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="Nothing else answers where it fails.")
    ] = False,
    note: Note = None,
) -> None:
    """Change an alias in config.yaml; what you do not name stays.

    A built-in alias is written there with your change; `models remove` brings the built-in one
    back. With another model its prices, limits and Aider's settings are looked up anew.

    Example: lodestar models edit grok-beta --model grok-4
    """
    limits = {"tier": tier, "context": context, "max_output": max_output}
    given = {
        "model": model,
        "api_base": api_base,
        "provider": provider,
        "key_env": key_env,
        **model_entry.prices(price_in, price_out, price_cache_read, price_cache_write),
        **limits,
        "billing": "free" if free else None,
        "fallbacks": [] if no_fallback else fallback or None,
        "note": note,
    }
    _edit(alias, {key: value for key, value in given.items() if value is not None})


def _edit(alias: str, given: dict[str, Any]) -> None:
    from lodestar.cli.opening import configuration
    from lodestar.editing import change_places, change_values

    if not given:
        what = "nothing to change"
        raise UsageError(what, "no option was given", f"lodestar models edit {alias} --help")
    configured = configuration()
    configured.catalog.get(alias)
    model_entry.check_key(given.get("key_env"))
    own, before = _before(configured, alias)
    after = _changed(alias, before, given, configured)
    file = configured.home.config_file
    if own:
        gone = dict.fromkeys(before.keys() - after.keys())
        news = {key: value for key, value in after.items() if before.get(key) != value}
        change_values(file, ["models", alias], {**news, **gone})
        say(f"{alias}: changed in {file}")
    else:
        # An alias has its price in one place.
        change_places(file, [(["prices", alias], None), (["models", alias], after)])
        say(
            f"{alias}: yours now, in {file}; the built-in one again: lodestar models remove {alias}"
        )
    model_entry.warn(alias, after)


def _before(context: Context, alias: str) -> tuple[bool, dict[str, Any]]:
    """Whether config.yaml has the alias, and the entry as it is there, or built in."""
    from lodestar.config import read_layer

    file = context.home.config_file
    models = read_layer(file).values.get("models") if file.is_file() else None
    if models and alias in models:
        return True, dict(models[alias])
    entry = context.catalog.get(alias).model_dump(mode="json", exclude_unset=True)
    return False, {key: _number(key, value) for key, value in entry.items()}


def _number(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _number(inner, one) for inner, one in value.items()}
    return float(value) if key in PRICES and value is not None else value


def _changed(
    alias: str, before: Mapping[str, Any], given: Mapping[str, Any], context: Context
) -> dict[str, Any]:
    """The entry after the change, completed where it names another model."""
    entry = dict(before)
    moved = {"model", "provider", "api_base"} & given.keys()
    for key in OF_THE_MODEL if moved else ():
        entry.pop(key, None)
    if {"price_in", "price_out"} & given.keys():
        for key in ("price_source", "price_date"):
            entry.pop(key, None)
    entry |= given
    _rebilled(entry, before, given)
    if "fallbacks" in given and not given["fallbacks"]:
        del entry["fallbacks"]
    if moved and "tier" not in given:
        entry.pop("tier", None)
    model_entry.check_entry(context, alias, entry)
    if moved or entry.get("billing", "payg") == "payg":
        entry = completed(alias, entry)
    return model_entry.with_aider(entry, context) if moved else entry


def _rebilled(entry: dict[str, Any], before: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Another provider is billed in another way; a free model has no price."""
    free = given.get("billing") == "free"
    if free or given.get("provider", before["provider"]) != before["provider"]:
        entry["billing"] = model_entry.billing(entry["provider"], free, entry.get("api_base"))
    elif before.get("billing") != "payg" and {"price_in", "price_out"} & given.keys():
        entry["billing"] = "payg"
    if entry["provider"] in ("engine", "ollama") and "api_base" not in given:
        entry.pop("api_base", None)
    if entry.get("billing", "payg") != "payg":
        for key in OF_THE_PRICE:
            entry.pop(key, None)
        if "tier" not in given:
            entry["tier"] = 1
