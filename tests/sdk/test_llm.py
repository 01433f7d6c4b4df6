"""The `llm` command against the shim, set up as its own documentation says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sdk.conftest import Served

TEXT = "Hello from the fake upstream."
FUNCTION = "def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b\n"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(llm: Path, served: Served, tmp_path: Path) -> Run:
    """Runs `llm` in a user directory that knows the shim's models."""
    url = served.environment["OPENAI_BASE_URL"]
    known = [
        {"model_id": f"lodestar-{alias}", "model_name": alias, "api_base": url,
         "api_key_name": "lodestar", "supports_tools": True}
        for alias in ("free", "paid", "freee")
    ]  # fmt: skip
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(known), "utf-8")
    keys = {"lodestar": served.environment["OPENAI_API_KEY"]}
    (tmp_path / "keys.json").write_text(json.dumps(keys), "utf-8")
    served.provider.clear()

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["env", f"LLM_USER_PATH={tmp_path}", str(llm), *arguments]
        return served.run(command, tmp_path)

    return call


@pytest.mark.parametrize("how", [["--no-stream"], []], ids=["whole", "stream"])
def test_a_prompt_is_answered(run: Run, served: Served, how: list[str]) -> None:
    done = run("-m", "lodestar-free", *how, "say hello")
    assert (done.returncode, done.stdout.strip()) == (0, TEXT), done.stderr
    (asked,) = served.provider.chats
    assert bool(asked.body.get("stream")) is not bool(how)


@pytest.mark.parametrize("how", [["--no-stream"], []], ids=["whole", "stream"])
def test_a_tool_is_called_and_its_result_goes_back(
    run: Run, served: Served, how: list[str]
) -> None:
    done = run("-m", "lodestar-free", "--functions", FUNCTION, *how, "how much is 2 + 3?")
    assert (done.returncode, done.stdout.strip()) == (0, TEXT), done.stderr
    _, second = served.provider.chats
    assert [m["content"] for m in second.body["messages"] if m["role"] == "tool"] == ["5"]


def test_a_refusal_of_money_is_said_once_and_not_retried(run: Run, served: Served) -> None:
    before = served.asked("paid")
    done = run("-m", "lodestar-paid", "say hello")
    assert done.returncode == 1
    assert "Lodestar stopped this request" in done.stderr
    assert served.asked("paid") == before + 1
    assert not served.provider.chats


def test_a_wrong_key_is_named(run: Run, served: Served) -> None:
    done = run("-m", "lodestar-free", "--key", "sk-of-somebody-else", "say hello")
    assert done.returncode == 1
    assert "401" in done.stderr
    assert not served.provider.chats


def test_an_unknown_model_is_answered_with_what_there_is(run: Run, served: Served) -> None:
    done = run("-m", "lodestar-freee", "say hello")
    assert done.returncode == 1
    assert "did you mean `free`?" in done.stderr
    assert not served.provider.chats
