"""A real Aider on Claude, through shim and translator: edited, committed, cached, charged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import RENAMED, Machine
from tests.fakes.anthropic import Anthropic, text, thinking
from tests.fakes.wire import Got

KEY = "sk-ant-planted-0123456789abcdef"
EDIT = """Certainly so.

hello.py
```python
<<<<<<< SEARCH
def hello():
=======
def greet():
>>>>>>> REPLACE
```

hello.py
```python
<<<<<<< SEARCH
hello()
=======
greet()
>>>>>>> REPLACE
```
"""
USAGE = {
    "input_tokens": 50,
    "cache_creation_input_tokens": 2000,
    "cache_read_input_tokens": 1000,
    "output_tokens": 200,
}
NANO = 50 * 3_000 + 2000 * 3_750 + 1000 * 300 + 200 * 15_000


@pytest.fixture
def claude() -> Iterator[Anthropic]:
    with Anthropic() as provider:
        provider.says(thinking("I rename it."), text(EDIT))
        provider.usage = USAGE
        yield provider


def _marked(got: Got) -> list[Any]:
    """The parts of a request that are to be cached."""
    contents = [message["content"] for message in got.body["messages"]]
    parts = [part for content in [got.body["system"], *contents] for part in content]
    return [part for part in parts if isinstance(part, dict) and "cache_control" in part]


def test_claude_edits_through_the_translator(machine: Machine, claude: Anthropic) -> None:
    entry = {
        "provider": "litellm",
        "model": "anthropic/claude-sonnet-4-5-20250929",
        "api_base": claude.address,
        "key_env": "CLAUDE_TEST_KEY",
        "billing": "payg",
        "price_in": 3,
        "price_out": 15,
        "price_cache_read": 0.3,
        "price_cache_write": 3.75,
        "tier": 4,
        "context": 200_000,
        "max_output": 16_000,
        "aider": {"edit_format": "diff", "cache_control": True},
    }
    machine.config(f"models: {json.dumps({'claude-sonnet': entry})}\n")
    command = ["code", "--model", "claude-sonnet", "--yes-always", "--cache-prompts"]
    done = machine.run(*command, "--message", "rename it", "hello.py", env={"CLAUDE_TEST_KEY": KEY})
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.text() == RENAMED
    assert len(machine.git("log", "--oneline").splitlines()) == 2
    (asked,) = claude.requests
    assert asked.headers["x-api-key"] == KEY
    assert asked.body["model"] == "claude-sonnet-4-5-20250929"
    assert _marked(asked)
    (charge,) = machine.rows("SELECT * FROM charges WHERE cash_nano > 0")
    assert (charge["cash_nano"], charge["usage_source"]) == (NANO, "provider")
    assert (charge["cache_read_tokens"], charge["cache_write_tokens"]) == (1000, 2000)
    assert KEY not in done.stdout + done.stderr
