"""The same call costs the same to the nano-dollar, streamed and not, whatever wire it came by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.shim_client import Shim, config, events
from tests.fakes.wire import Wire
from tests.golden.cases import CASES, PRICES, TEXT, Case

COUNTED = (
    "SELECT input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cash_nano,"
    " usage_source FROM charges ORDER BY id"
)
OPEN = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')"


@pytest.fixture(scope="module")
def provider() -> Iterator[Wire]:
    with Wire() as server:
        yield server


@pytest.fixture(scope="module")
def shim(provider: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    home: Path = tmp_path_factory.mktemp("home")
    config(home, f"main: openai\nweak: openai\nmodels: {json.dumps(_models(provider))}\n")
    keys = {"GOLDEN_KEY": "sk-golden-0123456789"}
    with Shim(home, env={"LODESTAR_HOME": str(home), **keys}) as running:
        yield running


def _models(provider: Wire) -> dict[str, Any]:
    common = {"billing": "payg", "key_env": "GOLDEN_KEY", "max_output": 4000, **PRICES}
    direct = {**common, "provider": "openai", "api_base": provider.url}
    translated = {**common, "provider": "litellm", "api_base": provider.address}
    return {
        case.name: {**(translated if case.model else direct), "model": case.model or "m"}
        for case in CASES
    }


def _text(body: bytes, stream: bool) -> str:
    if not stream:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    chunks = [event for event in events(body) if event != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_streamed_or_not_it_costs_what_the_provider_bills(
    shim: Shim, provider: Wire, case: Case
) -> None:
    provider.answer = case.answer
    before = len(shim.rows(COUNTED))
    for stream in (False, True):
        status, _, body = shim.chat(case.name, stream=stream)
        assert (status, _text(body, stream)) == (200, TEXT), body
    shim.wait_row(OPEN)
    whole, streamed = shim.rows(COUNTED)[before:]
    assert whole == streamed
    assert tuple(whole.values()) == (
        case.input,
        case.output,
        case.read,
        case.written,
        case.nano,
        "provider",
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.model], ids=lambda case: case.name)
def test_the_client_is_told_what_is_charged(shim: Shim, provider: Wire, case: Case) -> None:
    provider.answer = case.answer
    whole = json.loads(shim.chat(case.name, stream=False)[2])["usage"]
    body = shim.chat(case.name, stream=True, stream_options={"include_usage": True})[2]
    streamed = next(e["usage"] for e in reversed(events(body)) if e != "[DONE]" and e.get("usage"))
    assert whole == streamed
    assert (whole["prompt_tokens"], whole["completion_tokens"]) == (case.input, case.output)
    assert whole["total_tokens"] == case.input + case.output
