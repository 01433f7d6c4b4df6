"""`lodestar models add`: an alias for a model on a server of the user's choice."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lodestar.cli import model_entry
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


def add(
    alias: Annotated[str, typer.Argument(help="The name to use from now on.")],
    model: Annotated[str, typer.Option(help="The identifier that the server knows.")],
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
    note: Note = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace an alias of this name.")] = False,
) -> None:
    """Add a model, or replace one, in config.yaml.

    Prices and limits that you leave out are those of the price file that comes with Lodestar,
    where it has the model.

    Example: lodestar models add haiku --provider litellm --model anthropic/claude-haiku-4-5
    Example: lodestar models add big --provider ollama --model qwen3:32b
    """
    where = provider or "openai"
    limits = {"tier": tier, "context": context, "max_output": max_output}
    given = {
        "provider": where,
        "model": model,
        "api_base": api_base,
        "key_env": key_env,
        "billing": model_entry.billing(where, free, api_base),
        **model_entry.prices(price_in, price_out, price_cache_read, price_cache_write),
        **limits,
        "fallbacks": fallback or None,
        "note": note,
    }
    _add(alias, {key: value for key, value in given.items() if value is not None}, yes)


def _add(alias: str, entry: dict[str, Any], replace: bool) -> None:
    from lodestar.cli.opening import configuration
    from lodestar.editing import change_places

    if entry["provider"] == "openai" and not entry.get("api_base"):
        raise _without_url(alias, entry["model"])
    configured = configuration()
    model_entry.check_alias(configured, alias, replace)
    model_entry.check_key(entry.get("key_env"))
    model_entry.check_entry(configured, alias, entry)
    entry = completed(alias, entry)
    if entry["provider"] != "engine":
        entry = model_entry.with_aider(entry, configured)
    # An alias has its price in one place.
    places = [(["prices", alias], None), (["models", alias], entry)]
    change_places(configured.home.config_file, places)
    say(f"{alias}: added to {configured.home.config_file}")
    model_entry.warn(alias, entry)


def completed(alias: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with what the price file knows, its tier, and the day of its prices."""
    from lodestar.clock import local_text, now_ms

    entry = model_entry.with_list(alias, entry)
    entry.setdefault("tier", model_entry.tier_of(entry))
    if entry.get("price_in") is not None:
        # A charge says from when its price is.
        entry.setdefault("price_date", local_text(now_ms())[:10])
    return entry


def _without_url(alias: str, model: str) -> UsageError:
    return UsageError(
        "--api-base is missing",
        f"`{model}` is served somewhere, and that is the server's URL",
        f"lodestar models add {alias} --model {model} --api-base http://HOST:PORT/v1",
    )
