"""A shim whose paid model is Claude, asked through the translator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.anthropic import Anthropic, text
from tests.fakes.shim_client import Shim, config

KEY = "sk-ant-planted-0123456789abcdef"
CLAUDE = {
    "provider": "litellm",
    "model": "anthropic/claude-sonnet-4-5-20250929",
    "key_env": "CLAUDE_TEST_KEY",
    "billing": "payg",
    "price_in": 3,
    "price_out": 15,
    "price_cache_read": 0.3,
    "price_cache_write": 3.75,
    "max_output": 2000,
}
LIMITS = {"first_s": 8, "stall_s": 2, "tail_s": 0.5, "drain_s": 2}


def claude_home(home: Path, address: str, **entry: Any) -> Path:
    """A home whose every model is Claude at this address."""
    models = {
        "claude": {**CLAUDE, "api_base": address, **entry},
        "gratis": {**CLAUDE, "api_base": address, "billing": "free"},
        # Nobody listens there, and nobody but root may.
        "nowhere": {**CLAUDE, "api_base": "http://127.0.0.1:1"},
    }
    roles = "main: claude\nweak: claude\nrouting: {retries: 0}\n"
    config(home, f"{roles}models: {json.dumps(models)}\n")
    return home


@pytest.fixture(scope="module")
def running() -> Iterator[Anthropic]:
    """The provider, shared by the tests of a file."""
    with Anthropic() as server:
        yield server


@pytest.fixture(scope="module")
def started(running: Anthropic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """The shim, its translator warm."""
    home = claude_home(tmp_path_factory.mktemp("home"), running.address)
    with Shim(
        home, env={"LODESTAR_HOME": str(home), "CLAUDE_TEST_KEY": KEY}, limits=LIMITS
    ) as shim:
        status, _, body = shim.chat("claude")
        assert status == 200, body
        yield shim


@pytest.fixture
def provider(running: Anthropic) -> Anthropic:
    """The provider as new."""
    running.clear()
    running.answer = running.message
    running.usage = {"input_tokens": 25, "output_tokens": 15}
    running.says(text("Hello from the fake Claude."))
    return running


@pytest.fixture
def shim(started: Shim, provider: Anthropic) -> Iterator[Shim]:
    """The shim; after each test it answers as ever, and no key is in what it wrote."""
    yield started
    provider.clear()
    provider.answer = provider.message
    assert started.chat("claude")[0] == 200
    for file in (started.home / "logs").iterdir():
        assert KEY not in file.read_text("utf-8")
