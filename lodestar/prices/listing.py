"""What a model costs and can take, by litellm's price file: read as data, never imported."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lodestar.secrets.accounts import PROVIDERS, host_of
from lodestar.settings import ModelEntry

FILE = "litellm/model_prices_and_context_window_backup.json"
SHOWN = 12
_STEP = re.compile(r"(?:input|output)_cost_per_token_above_([0-9]{1,6})k_tokens")
_FINEST = Decimal("0.001")
_DEAREST = Decimal("0.1")
_MOST_TOKENS = 10**12
_MILLION = 1_000_000
_FIELDS = {
    "price_in": "input_cost_per_token",
    "price_out": "output_cost_per_token",
    "price_cache_read": "cache_read_input_token_cost",
    "price_cache_write": "cache_creation_input_token_cost",
}


_ELSEWHERE = ("tiered_pricing", "input_cost_per_request", "citation_cost_per_token")
"""Other ways to charge for text, which a price per token does not cover."""


class Pairs(dict[str, Any]):
    """An object of JSON; `twice` are the keys that it has more than once."""

    twice: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PriceFile:
    """A file of prices as litellm keeps them; `source` is kept on every charge.

    `date` is the day that its prices are taken to be of, None for the installed file.
    """

    models: Mapping[str, Any]
    source: str
    sha256: str = ""
    date: str | None = None


@dataclass(frozen=True)
class Listed:
    """A model as the file has it: prices in USD per million tokens, limits in tokens.

    `step` is the input above which `long` are the prices; `context` ends there. `problem` says
    why the prices cannot be used; there are none then.
    """

    name: str
    source: str
    prices: Mapping[str, Decimal]
    context: int | None
    max_output: int | None
    step: int | None = None
    long: Mapping[str, Decimal] = field(default_factory=dict)
    problem: str = ""


@cache
def price_file() -> PriceFile | None:
    """The price file that is installed, None where it is not there or cannot be read."""
    try:
        found = distribution("litellm")
        data = Path(str(found.locate_file(FILE))).read_bytes()
        return parsed(data, f"litellm {found.version}")
    except (PackageNotFoundError, OSError, ValueError, RecursionError):
        return None


def parsed(data: bytes, name: str, date: str | None = None) -> PriceFile:
    """A price file by its bytes. Raises ValueError or RecursionError where it is none."""
    # Exact: a price of 0.15 must not become 0.15000000000000002.
    models = json.loads(
        data, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_pairs
    )
    if not isinstance(models, Pairs):
        raise ValueError("it is not a list of models by their names")
    digest = hashlib.sha256(data).hexdigest()
    return PriceFile(models, f"{name} {digest[:SHOWN]}", digest, date)


def listed(entry: ModelEntry, file: PriceFile | None = None) -> Listed | None:
    """What a file, the installed one unless named, says of the model behind an entry.

    None where it does not have it. The name alone says nothing: the same model costs something
    else at another host.
    """
    provider, file = provider_of(entry), file or price_file()
    if provider is None or file is None:
        return None
    name = entry.model.removeprefix(f"{provider}/")
    for key in (f"{provider}/{name}", name):
        model = file.models.get(key)
        if isinstance(model, Mapping) and model.get("litellm_provider") == provider:
            found = _read(key, model, file.source)
            twice = key in getattr(file.models, "twice", ())
            return _without_prices(found, "it is in the file twice") if twice else found
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
    steps = sorted({int(match[1]) * 1000 for key in model if (match := _STEP.fullmatch(key))})
    step = next((one for one in steps if one > 0), None)
    window = _tokens(model.get("max_input_tokens")) or _tokens(model.get("max_tokens"))
    context = min(window, step) if window and step else window
    most = _tokens(model.get("max_output_tokens"))
    found = Listed(name, source, prices, context, most, step, _long(model, prices, steps))
    problem = _problem(model, steps)
    return _without_prices(found, problem) if problem else found


def _without_prices(found: Listed, problem: str) -> Listed:
    return replace(found, prices={}, long={}, problem=problem)


def _prices(model: Mapping[str, Any], above: str = "") -> dict[str, Decimal]:
    found = {ours: _price(model.get(theirs + above)) for ours, theirs in _FIELDS.items()}
    return {ours: price for ours, price in found.items() if price is not None}


def _long(
    model: Mapping[str, Any], prices: Mapping[str, Decimal], steps: Sequence[int]
) -> dict[str, Decimal]:
    """The prices above the first step: of several, and of the short ones, always the dearest."""
    found: dict[str, Decimal] = {}
    for step in steps:
        for name, price in _prices(model, f"_above_{step // 1000}k_tokens").items():
            found[name] = max(price, found.get(name, price), prices.get(name, price))
    return found


def _problem(model: Mapping[str, Any], steps: Sequence[int]) -> str:
    """Why the prices of a model cannot be used; half of them would be worse than none."""
    named = [name + above for above in _suffixes(steps) for name in _FIELDS.values()]
    for name in named:
        if model.get(name) is not None and _price(model[name]) is None:
            return f"its `{name}` is no price"
    if twice := sorted(set(named) & getattr(model, "twice", frozenset())):
        return f"it has `{twice[0]}` twice"
    sides = [_price(model.get(_FIELDS[side])) for side in ("price_in", "price_out")]
    if None in sides:
        return "it has no price for input and output"
    if 0 in sides:
        return "it says that input or output costs nothing; where that is so: --free"
    return _other_ways(model)


def _other_ways(model: Mapping[str, Any]) -> str:
    for name in _ELSEWHERE:
        if model.get(name):
            return f"it is charged by `{name}`, too"
    thought = model.get("output_cost_per_reasoning_token")
    if thought is None:
        return ""
    dear, usual = _price(thought), _price(model[_FIELDS["price_out"]])
    if dear is None or usual is None or dear > usual:
        return "its reasoning costs more than its output"
    return ""


def _suffixes(steps: Sequence[int]) -> list[str]:
    return ["", *(f"_above_{step // 1000}k_tokens" for step in steps)]


def _price(value: Any) -> Decimal | None:
    """USD per million tokens, rounded up to what a nano-dollar per token can say."""
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool):
        return None
    # Anything else may be too large to be counted with, or no number.
    if not 0 <= value <= _DEAREST:
        return None
    exact = (Decimal(value) * _MILLION).quantize(_FINEST, ROUND_CEILING)
    return exact.normalize()


def _tokens(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return int(value) if 0 < value <= _MOST_TOKENS else None


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> Pairs:
    found = Pairs(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        found.twice = frozenset(name for name, count in counts.items() if count > 1)
    return found
