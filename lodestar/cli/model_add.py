"""`lodestar models add`: an alias for a model on an OpenAI-compatible server."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from lodestar.cli.output import note
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def add(
    alias: Annotated[str, typer.Argument(help="The name to use from now on.")],
    model: Annotated[str, typer.Option(help="The identifier that the server knows.")],
    api_base: Annotated[str | None, typer.Option(help="The server's URL, with /v1.")] = None,
    provider: Annotated[str, typer.Option(help="openai (any compatible server) or engine.")] = (
        "openai"
    ),
    price_in: Annotated[str | None, typer.Option(help="USD per million input tokens.")] = None,
    price_out: Annotated[str | None, typer.Option(help="USD per million output tokens.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Calls cost nothing.")] = False,
    tier: Annotated[
        int | None, typer.Option(help="1 (free) to 5 (dearest). Default: 1 if free, else 3.")
    ] = None,
    context: Annotated[int | None, typer.Option(help="Context window, tokens.")] = None,
    max_output: Annotated[int | None, typer.Option(help="Longest answer, tokens.")] = None,
    key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the key.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace an alias of this name.")] = False,
) -> None:
    """Add a model, or replace one, in config.yaml.

    Example: lodestar models add big --model qwen3:32b --api-base http://127.0.0.1:11434/v1 --free
    """
    if provider == "openai" and not api_base:
        raise _without_url(alias, model)
    free = free or provider == "engine"
    given = {
        "provider": provider,
        "model": model,
        "api_base": api_base,
        "key_env": key_env,
        "billing": _billing(provider, free, api_base),
        "price_in": _price("--price-in", price_in),
        "price_out": _price("--price-out", price_out),
        "tier": tier or (1 if free else 3),
        "context": context,
        "max_output": max_output,
    }
    _add(alias, {key: value for key, value in given.items() if value is not None}, yes)


def _add(alias: str, entry: dict[str, Any], replace: bool) -> None:
    from lodestar.cli.opening import configuration
    from lodestar.clock import local_text, now_ms
    from lodestar.editing import set_value

    configured = configuration()
    check_alias(configured, alias, replace)
    _check_key(entry.get("key_env"))
    check_entry(alias, entry)
    entry = _with_aider(entry, configured) if entry["provider"] == "openai" else entry
    if entry.get("price_in") is not None:
        # A charge says from when its price is.
        entry["price_date"] = local_text(now_ms())[:10]
    set_value(configured.home.config_file, ["models", alias], entry)
    note(f"{alias}: added to {configured.home.config_file}")
    _warn(alias, entry)


def check_alias(context: Context, alias: str, replace: bool) -> None:
    """Raises UsageError where the name is taken, unless it may be replaced."""
    from lodestar.catalog import WEAK

    if alias == WEAK:
        raise UsageError(f"`{alias}` is Lodestar's own name", "it stands for the weak model")
    if alias in context.catalog and not replace:
        raise UsageError(
            f"there is a model called `{alias}` already",
            f"it stands for {context.catalog.get(alias).model}",
            "choose another name, or replace it with --yes",
        )


def check_entry(alias: str, entry: dict[str, Any]) -> None:
    """Raises UsageError where the settings would not accept the entry."""
    from lodestar.config import Layer, merge

    merge([Layer("command line", {"models": {alias: entry}})])


def _billing(provider: str, free: bool, api_base: str | None) -> str:
    if provider == "engine":
        return "local"
    host = urlsplit(api_base or "").hostname or ""
    return ("local" if host in LOOPBACK else "free") if free else "payg"


def _price(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(Decimal(text))
    except InvalidOperation as error:
        why = "it must be USD per million tokens, such as 0.15"
        raise UsageError(f"{option} {text} is not a number", why) from error


def _without_url(alias: str, model: str) -> UsageError:
    return UsageError(
        "--api-base is missing",
        f"`{model}` is served somewhere, and that is the server's URL",
        f"lodestar models add {alias} --model {model} --api-base http://HOST:PORT/v1",
    )


def _check_key(name: str | None) -> None:
    if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise UsageError(
            "--key-env takes the name of an environment variable",
            "keys themselves are never written to a file or a command line",
            "for example: --key-env OPENAI_API_KEY",
        )


def _with_aider(entry: dict[str, Any], context: Context) -> dict[str, Any]:
    from lodestar.aider_fields import derive

    note(f"asking Aider for its settings of {entry['model']} ...")
    found = derive(entry["model"], context.settings, context.home.root)
    if found.problem:
        note(f"note: {found.problem}")
    limits = {"context": found.max_input, "max_output": found.max_output}
    known = {key: value for key, value in limits.items() if value}
    aider = {"aider": found.settings} if found.settings else {}
    return {**entry, **{k: v for k, v in known.items() if k not in entry}, **aider}


def _warn(alias: str, entry: dict[str, Any]) -> None:
    url = urlsplit(entry.get("api_base") or "")
    if entry.get("key_env") and url.scheme == "http" and url.hostname not in LOOPBACK:
        note(f"warning: {alias}: the key and your code travel unencrypted to {url.hostname}")
    if entry["billing"] == "payg" and not {"price_in", "price_out"} <= entry.keys():
        note(
            f"warning: {alias} has no price, and Lodestar refuses paid calls of unknown price;"
            f" set one: lodestar models add {alias} ... --price-in X --price-out Y --yes"
        )
