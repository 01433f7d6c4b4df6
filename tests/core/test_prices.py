"""Prices are those of the installed price file, exact, and each says where it is from."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from lodestar.catalog import Catalog
from lodestar.paths import builtin_profiles
from lodestar.prices.listing import FILE, cost, listed, price_file, provider_of
from lodestar.settings import ModelEntry, Settings

PAID = [(alias, e) for alias, e in Catalog.load(Settings(), builtin_profiles()) if e.paid]
LISTED = [(alias, entry) for alias, entry in PAID if listed(entry)]
SUCCESSORS = {"grok-beta": "docs.x.ai", "gemini-pro": "ai.google.dev"}
"""Newer than the price file: their prices are the provider's own."""


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    """The file as it is on the disk, read without our help."""
    path = Path(str(distribution("litellm").locate_file(FILE)))
    found: dict[str, Any] = json.loads(path.read_bytes(), parse_float=Decimal)
    return found


def entry(model: str, provider: str = "litellm", **fields: Any) -> ModelEntry:
    return ModelEntry.model_validate({"provider": provider, "model": model, **fields})


def test_the_source_names_the_version_and_the_hash_of_the_file() -> None:
    file, found = price_file(), distribution("litellm")
    assert file
    data = Path(str(found.locate_file(FILE))).read_bytes()
    assert file.source == f"litellm {found.version} {hashlib.sha256(data).hexdigest()[:12]}"


def test_every_paid_alias_but_the_successors_is_in_the_file() -> None:
    assert {alias for alias, _ in PAID} - {alias for alias, _ in LISTED} == set(SUCCESSORS)


@pytest.mark.parametrize(("alias", "model"), LISTED, ids=[alias for alias, _ in LISTED])
def test_the_built_in_figures_are_those_of_the_installed_file(
    alias: str, model: ModelEntry, raw: dict[str, Any]
) -> None:
    theirs = raw[model.model.removeprefix("anthropic/")]
    assert model.price_in == theirs["input_cost_per_token"] * 10**6
    assert model.price_out == theirs["output_cost_per_token"] * 10**6
    assert model.price_cache_read == theirs["cache_read_input_token_cost"] * 10**6
    written = theirs.get("cache_creation_input_token_cost")
    assert model.price_cache_write == (None if written is None else written * 10**6)
    assert model.context == theirs["max_input_tokens"], alias
    above = theirs.get("input_cost_per_token_above_200k_tokens")
    assert (model.long_prompt is None) == (above is None)
    if model.long_prompt:
        out = theirs["output_cost_per_token_above_200k_tokens"]
        assert (model.long_prompt.above, model.long_prompt.price_in) == (200_000, above * 10**6)
        assert model.long_prompt.price_out == out * 10**6
    assert model.max_output
    assert model.max_output <= theirs["max_output_tokens"]
    file = price_file()
    assert file
    assert model.price_source == file.source
    assert model.price_date


@pytest.mark.parametrize("alias", SUCCESSORS)
def test_a_successor_says_what_it_replaces_and_whose_its_price_is(alias: str) -> None:
    model = dict(PAID)[alias]
    assert model.note
    assert "retired" in model.note
    assert model.model in model.note
    assert (model.price_source or "").startswith(SUCCESSORS[alias])
    assert model.price_date


def test_a_price_that_changes_with_the_length_ends_the_context_there() -> None:
    found = listed(entry("anthropic/claude-sonnet-4-5-20250929"))
    assert found
    assert (found.step, found.context) == (200_000, 200_000)
    long = listed(entry("gemini/gemini-2.5-pro"))
    assert long
    assert (long.step, long.context) == (200_000, 200_000)
    assert long.long["price_in"] == 2 * long.prices["price_in"]


@pytest.mark.parametrize(
    ("model", "provider", "base", "expected"),
    [
        ("gpt-4o", "openai", "https://api.openai.com/v1", "openai"),
        ("grok-3", "openai", "https://api.x.ai/v1", "xai"),
        ("gemini-2.5-pro", "openai", "https://generativelanguage.googleapis.com/v1beta", "gemini"),
        ("anthropic/claude-haiku-4-5", "litellm", None, "anthropic"),
        ("gpt-4o", "openai", "http://127.0.0.1:9/v1", None),
        ("gpt-4o", "openai", "https://gateway.example.org/v1", None),
        ("demo", "engine", None, None),
        ("llama3.1:8b", "ollama", None, None),
    ],
)
def test_the_same_name_elsewhere_has_no_price_of_ours(
    model: str, provider: str, base: str | None, expected: str | None
) -> None:
    billing = "payg" if provider in ("openai", "litellm") else "local"
    made = entry(model, provider, api_base=base, billing=billing)
    assert provider_of(made) == expected
    assert (listed(made) is None) == (expected is None)


def test_an_unknown_model_has_no_price() -> None:
    assert listed(entry("anthropic/claude-of-tomorrow")) is None
    assert listed(entry("nobody/gpt-4o")) is None


def test_what_a_call_costs() -> None:
    model = entry("a/b", price_in=3, price_out=15)
    assert cost(model, 200, 64) == Decimal("0.00156")
    assert cost(entry("a/b"), 200, 64) is None
    assert cost(entry("demo", "engine", billing="local"), 200, 64) == 0


def test_reading_the_prices_imports_no_litellm() -> None:
    script = (
        "import sys; from lodestar.prices.listing import price_file; assert price_file();"
        "assert 'litellm' not in sys.modules and 'tiktoken' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
