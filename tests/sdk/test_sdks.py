"""The same things done with three SDKs: each program runs once, its sights are judged here."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.conftest import HERE, Served
from tests.sdk.provider import ARGUMENTS

SCENARIOS = (
    "answer", "stream", "tool", "tool_stream", "models",
    "wrong_token", "unknown_model", "refused", "refused_stream",
)  # fmt: skip
TEXT, USAGE = "Hello from the fake upstream.", [11, 7]
CLIENTS = HERE / "clients"


@dataclass(frozen=True)
class Sights:
    """What a client saw, and how often the provider and the shim were asked meanwhile."""

    client: str
    seen: dict[str, Any]
    bodies: list[dict[str, Any]]
    paid: int
    unknown: int


def _command(client: str, request: pytest.FixtureRequest) -> tuple[list[str], Path]:
    if client == "openai-node":
        folder: Path = request.getfixturevalue("openai_node")
        return [shutil.which("node") or "node", str(CLIENTS / "openai_node.mjs")], folder
    program = CLIENTS / f"{client.replace('-', '_')}.py"
    return [sys.executable, str(program)], request.getfixturevalue("served").home


@pytest.fixture(scope="module", params=["openai-python", "litellm-python", "openai-node"])
def sights(request: pytest.FixtureRequest, served: Served) -> Sights:
    """All scenarios, with one start of the client."""
    command, folder = _command(request.param, request)
    before = served.asked("paid"), served.asked("freee")
    served.provider.clear()
    done = served.run([*command, *SCENARIOS], folder)
    assert done.returncode == 0, done.stderr
    return Sights(
        request.param,
        json.loads(done.stdout.splitlines()[-1]),
        [one.body for one in served.provider.chats],
        served.asked("paid") - before[0],
        served.asked("freee") - before[1],
    )


def test_an_answer_arrives_with_its_usage(sights: Sights) -> None:
    assert sights.seen["answer"] == {"text": TEXT, "usage": USAGE}


def test_a_stream_arrives_in_pieces_with_its_usage(sights: Sights) -> None:
    seen = sights.seen["stream"]
    assert (seen["text"], seen["usage"]) == (TEXT, USAGE)
    assert seen["pieces"] == len(TEXT.split())


@pytest.mark.parametrize("scenario", ["tool", "tool_stream"])
def test_a_tool_call_arrives_whole(sights: Sights, scenario: str) -> None:
    assert sights.seen[scenario] == {"name": "add", "arguments": ARGUMENTS}


def test_the_catalogue_is_listed(sights: Sights) -> None:
    named = {name.rpartition("/")[2] for name in sights.seen["models"]}
    assert {"free", "paid"} <= named


def test_a_stranger_is_told_so_once(sights: Sights) -> None:
    seen = sights.seen["wrong_token"]
    assert (seen["error"], seen["status"]) == ("AuthenticationError", 401)
    assert seen["requests"] == 1


def test_an_unknown_model_is_named_once_with_what_there_is(sights: Sights) -> None:
    seen = sights.seen["unknown_model"]
    assert seen["status"] == 400
    assert "did you mean `free`?" in seen["message"]
    assert seen["requests"] == 1
    assert sights.unknown <= 1


@pytest.mark.parametrize("scenario", ["refused", "refused_stream"])
def test_a_refusal_of_money_is_said_once_and_not_retried(sights: Sights, scenario: str) -> None:
    seen = sights.seen[scenario]
    assert (seen["error"], seen["status"]) == ("BadRequestError", 400)
    assert "Lodestar stopped this request" in seen["message"]
    assert seen["requests"] == 1
    # litellm keeps the text of an error, not its fields.
    assert seen["code"] == "budget_exceeded" or sights.client == "litellm-python"


def test_the_shim_saw_one_request_for_each_and_the_provider_none_of_the_refused(
    sights: Sights,
) -> None:
    assert sights.paid == 2
    assert len(sights.bodies) == 4
    assert {body["model"] for body in sights.bodies} == {"fake-model"}
