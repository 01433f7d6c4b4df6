"""What `models add` and `models edit` share: options, and what an entry is completed with."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from lodestar.cli.output import note
from lodestar.errors import LodestarError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lodestar.loading import Context
    from lodestar.settings import ModelEntry

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST = 16_000
"""Of an answer, where a file says that a model could write more: so much is set aside."""


def _provider(name: str | None) -> str | None:
    """Raises UsageError where it is none, with the nearest that is one."""
    import difflib
    from typing import get_args

    from lodestar.settings import ModelEntry

    known = get_args(ModelEntry.model_fields["provider"].annotation)
    if name is None or name in known:
        return name
    near = difflib.get_close_matches(name.lower(), known, 1)
    other = f"--provider litellm --model {name}/..." if name else "--provider litellm"
    raise UsageError(
        f"`--provider {name}` is not known",
        f"it is one of: {', '.join(known)}",
        f"did you mean `{near[0]}`?" if near else f"for what the translator knows: {other}",
    )


ApiBase = Annotated[str | None, typer.Option(help="The server's URL; with /v1 for openai.")]
Provider = Annotated[
    str | None,
    typer.Option(
        callback=_provider,
        help="openai (any compatible server; usual), ollama, litellm (all others) or engine.",
    ),
]
PriceIn = Annotated[str | None, typer.Option(help="USD per million input tokens.")]
PriceOut = Annotated[str | None, typer.Option(help="USD per million output tokens.")]
PriceCacheRead = Annotated[str | None, typer.Option(help="The same, read from the cache.")]
PriceCacheWrite = Annotated[str | None, typer.Option(help="The same, written to the cache.")]
Free = Annotated[bool, typer.Option("--free", help="Calls cost nothing.")]
Tier = Annotated[
    int | None, typer.Option(help="1 (free) to 5 (dearest). Default: by the price of the output.")
]
Window = Annotated[int | None, typer.Option(help="Context window, tokens.")]
MaxOutput = Annotated[int | None, typer.Option(help="Longest answer, tokens.")]
KeyEnv = Annotated[str | None, typer.Option(help="Environment variable that holds the key.")]
Fallback = Annotated[
    list[str] | None,
    typer.Option(metavar="ALIAS", help="Answers where it fails; repeat it for more, in order."),
]
Note = Annotated[str | None, typer.Option(help="What to know about it; shown in the list.")]


def prices(*amounts: str | None) -> dict[str, float | None]:
    """The four prices as they are written down, in the order of the options.

    Raises UsageError for what is none.
    """
    options = ("price_in", "price_out", "price_cache_read", "price_cache_write")
    return {option: _price(option, text) for option, text in zip(options, amounts, strict=True)}


def _price(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(Decimal(text.strip().removeprefix("$")))
    except InvalidOperation as error:
        shown = f"--{option.replace('_', '-')} {text}"
        why = "it must be USD per million tokens, such as 0.15"
        raise UsageError(f"{shown} is not a number", why) from error


def check_alias(context: Context, alias: str, replace: bool) -> None:
    """Raises UsageError where the name is taken, unless it may be replaced."""
    from lodestar.catalog import WEAK
    from lodestar.routing import AUTO

    if alias in (WEAK, AUTO):
        what = "the weak model" if alias == WEAK else "whichever model should answer"
        raise UsageError(f"`{alias}` is Lodestar's own name", f"it stands for {what}")
    if alias in context.catalog and not replace:
        raise UsageError(
            f"there is a model called `{alias}` already",
            f"it stands for {context.catalog.get(alias).model}",
            f"choose another name, or change it: lodestar models edit {alias} ...",
        )


def check_key(name: str | None) -> None:
    """Raises UsageError where it cannot be the name of a variable; it may be a key."""
    if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise UsageError(
            "--key-env takes the name of an environment variable",
            "keys themselves are never written to a file or a command line",
            "for example: --key-env OPENAI_API_KEY",
        )


def check_entry(context: Context, alias: str, entry: Mapping[str, Any]) -> ModelEntry:
    """The entry as the settings take it. Raises UsageError where they do not, or where its
    fallbacks cannot be meant."""
    from lodestar.catalog import Catalog
    from lodestar.config import Layer, merge
    from lodestar.paths import builtin_profiles

    models = {alias: dict(entry)}
    settings, _ = merge([Layer("command line", {"models": models})])
    found = settings.models[alias]
    own = context.settings
    # An entry of the user's has its price with it.
    prices = {name: price for name, price in own.prices.items() if name != alias}
    changed = {"models": {**own.models, alias: found}, "prices": prices}
    Catalog.load(own.model_copy(update=changed), builtin_profiles())
    return found


def billing(provider: str, free: bool, api_base: str | None) -> str:
    """How calls are billed."""
    if provider in ("engine", "ollama"):
        return "local"
    host = urlsplit(api_base or "").hostname or ""
    return ("local" if host in LOOPBACK else "free") if free else "payg"


def tier_of(entry: Mapping[str, Any]) -> int:
    """The tier that the price of the output belongs to."""
    if entry.get("billing") != "payg":
        return 1
    dollars = entry.get("price_out")
    if dollars is None:
        return 3
    return 2 if dollars <= 1 else 3 if dollars <= 10 else 4 if dollars <= 15 else 5


def with_list(alias: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with what the price file knows and the user did not give; said to the user."""
    from lodestar.prices.listing import listed
    from lodestar.settings import ModelEntry

    found = listed(ModelEntry.model_validate(entry))
    if found is None:
        return entry
    completed = dict(entry)
    unpriced = entry.get("billing") == "payg" and not {"price_in", "price_out"} & entry.keys()
    if unpriced and found.problem:
        note(f"{alias}: no price is taken from {found.source}: {found.problem}")
    elif unpriced:
        prices = {name: float(value) for name, value in found.prices.items()}
        completed |= {**prices, "price_source": found.source}
        given = ", ".join(f"{name.removeprefix('price_')} {prices[name]:g}" for name in prices)
        note(f"{alias}: USD per million tokens by {found.source}: {given}")
    if found.context and "context" not in entry:
        completed["context"] = found.context
        if found.step and "long_prompt" not in entry:
            note(
                f"{alias}: more than {found.step} tokens of input cost more: its context ends there"
            )
    if found.step and entry.get("billing") == "payg":
        # Never below the prices of a short prompt, which may be the user's.
        long = {n: max(float(p), completed.get(n) or 0) for n, p in found.long.items()}
        completed.setdefault("long_prompt", {"above": found.step, **long})
    if found.max_output and "max_output" not in entry:
        completed["max_output"] = min(found.max_output, LONGEST)
    return completed


def with_aider(entry: dict[str, Any], context: Context) -> dict[str, Any]:
    """The entry with Aider's own settings of the model behind it."""
    from lodestar.aider_fields import derive
    from lodestar.prices.listing import provider_of
    from lodestar.settings import ModelEntry

    provider = provider_of(ModelEntry.model_validate(entry))
    plain = entry["model"].removeprefix(f"{provider}/")
    note(f"asking Aider for its settings of {plain} ...")
    found = derive(plain, context.settings, context.home.root)
    if provider and not found.settings:
        # It knows some models by the name with the provider only.
        found = derive(f"{provider}/{plain}", context.settings, context.home.root)
    if found.problem:
        note(f"note: {found.problem}")
    limits = {"context": found.max_input, "max_output": found.max_output}
    known = {key: value for key, value in limits.items() if value}
    aider = {"aider": found.settings} if found.settings else {}
    return {**entry, **{k: v for k, v in known.items() if k not in entry}, **aider}


def warn(alias: str, entry: Mapping[str, Any]) -> None:
    """What the user should know of the entry before its first call."""
    url = urlsplit(entry.get("api_base") or "")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        what = "the key and your code" if entry.get("key_env") else "your code"
        note(f"warning: {alias}: {what} travel unencrypted to {url.hostname}")
    if entry["billing"] == "payg" and not {"price_in", "price_out"} <= entry.keys():
        note(
            f"warning: {alias} has no price, and Lodestar refuses paid calls of unknown price;"
            f" set one: lodestar models edit {alias} --price-in X --price-out Y"
        )
    if entry["provider"] == "ollama":
        _look_for(alias, entry["model"])


def _look_for(alias: str, model: str) -> None:
    """Say where Ollama does not have the model, or is not there."""
    from lodestar.cli.opening import configuration
    from lodestar.local_models import resolve

    try:
        context = configuration()
    except LodestarError as error:
        # The entry is written: that nobody can be asked about it is no failure of that.
        note(f"warning: {error.what}: {error.why}")
        return
    local = resolve(context.home, context.settings, context.catalog)
    if local.url is None:
        note("note: no Ollama answers now; set its address in config.yaml: ollama: {url: ...}")
    elif alias in local.reasons:
        note(f"note: Ollama at {local.url} does not have it yet: ollama pull {model}")
