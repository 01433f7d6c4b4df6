"""What a model costs and can take, by litellm's price file: read as data, never imported."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lodestar.secrets.accounts import PROVIDERS, host_of
from lodestar.settings import ModelEntry

FILE = "litellm/model_prices_and_context_window_backup.json"
SHOWN = 12
_STEP = re.compile(r"(?:input|output)_cost_per_token_above_(\d+)k_tokens")
_FINEST = Decimal("0.001")
_MILLION = 1_000_000
_FIELDS = {
    "price_in": "input_cost_per_token",
    "price_out": "output_cost_per_token",
    "price_cache_read": "cache_read_input_token_cost",
    "price_cache_write": "cache_creation_input_token_cost",
}


@dataclass(frozen=True)
class PriceFile:
    """The file of the installed distribution; `source` is kept on every charge."""

    models: Mapping[str, Mapping[str, Any]]
    source: str


@dataclass(frozen=True)
class Listed:
    """A model as the file has it: prices in USD per million tokens, limits in tokens.

    `step` is the input above which `long` are the prices; `context` ends there.
    """

    name: str
    source: str
    prices: Mapping[str, Decimal]
    context: int | None
    max_output: int | None
    step: int | None = None
    long: Mapping[str, Decimal] = field(default_factory=dict)


@cache
def price_file() -> PriceFile | None:
    """The price file that is installed, None where it is not there or cannot be read."""
    try:
        found = distribution("litellm")
        data = Path(str(found.locate_file(FILE))).read_bytes()
        # Exact: a price of 0.15 must not become 0.15000000000000002.
        models = json.loads(data, parse_float=Decimal)
    except (PackageNotFoundError, OSError, ValueError):
        return None
    digest = hashlib.sha256(data).hexdigest()[:SHOWN]
    return PriceFile(models, f"litellm {found.version} {digest}")


def listed(entry: ModelEntry) -> Listed | None:
    """What the file says of the model behind an entry; None where it does not have it.

    The name alone says nothing: the same model costs something else at another host.
    """
    provider, file = provider_of(entry), price_file()
    if provider is None or file is None:
        return None
    name = entry.model.removeprefix(f"{provider}/")
    for key in (f"{provider}/{name}", name):
        model = file.models.get(key)
        if isinstance(model, Mapping) and model.get("litellm_provider") == provider:
            return _read(key, model, file.source)
    return None


def provider_of(entry: ModelEntry) -> str | None:
    """litellm's name of the provider that serves an entry; None where it is unknown."""
    if entry.provider == "litellm":
        return entry.model.partition("/")[0]
    if entry.provider != "openai":
        return None
    host = host_of(entry)
    return next((name for name, known in PROVIDERS.items() if known.host == host), None)


def cost(entry: ModelEntry, tokens_in: int, tokens_out: int) -> Decimal | None:
    """USD for so many tokens, none of them cached; None where the price is unknown."""
    if not entry.paid:
        return Decimal(0)
    if entry.price_in is None or entry.price_out is None:
        return None
    return (entry.price_in * tokens_in + entry.price_out * tokens_out) / _MILLION


def _read(name: str, model: Mapping[str, Any], source: str) -> Listed:
    prices = _prices(model)
    steps = [int(match[1]) * 1000 for key in model if (match := _STEP.fullmatch(key))]
    step = min(steps, default=None)
    window = _tokens(model.get("max_input_tokens") or model.get("max_tokens"))
    context = min(window, step) if window and step else window
    long = _prices(model, f"_above_{step // 1000}k_tokens") if step else {}
    most = _tokens(model.get("max_output_tokens"))
    return Listed(name, source, prices, context, most, step, long)


def _prices(model: Mapping[str, Any], above: str = "") -> dict[str, Decimal]:
    found = {ours: _price(model.get(theirs + above)) for ours, theirs in _FIELDS.items()}
    return {ours: price for ours, price in found.items() if price is not None}


def _price(value: Any) -> Decimal | None:
    """USD per million tokens, rounded up to what a nano-dollar per token can say."""
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool) or value < 0:
        return None
    exact = (Decimal(value) * _MILLION).quantize(_FINEST, ROUND_CEILING)
    return exact.normalize()


def _tokens(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, Decimal)) and value > 0 else None
