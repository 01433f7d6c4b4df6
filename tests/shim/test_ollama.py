"""A model of Ollama behind a real shim: reached, warmed, and shown the whole prompt or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fakes.ollama import Model, Ollama
from tests.fakes.shim_client import Shim, wait_for

CODER = "deepseek-coder:6.7b"


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama({CODER: Model()}, text="one two three") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, ollama: Ollama) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text(yaml.safe_dump({"ollama": {"url": ollama.url}}))
    return home


def ask(shim: Shim, text: str, **body: object) -> tuple[int, str]:
    """(status, what came) of a request to local-coder."""
    messages = [{"role": "user", "content": "earlier words"}, {"role": "user", "content": text}]
    request = {"model": "local-coder", "messages": messages, **body}
    status, _, data = shim.request("POST", "/v1/chat/completions", request)
    return status, data.decode()


@pytest.mark.parametrize("stream", [False, True])
def test_it_answers_with_the_models_own_name_and_the_older_field(
    home: Path, ollama: Ollama, stream: bool
) -> None:
    with Shim(home) as shim:
        status, text = ask(shim, "count", stream=stream, max_completion_tokens=50)
    assert status == 200
    assert "three" in text
    (chat,) = ollama.chats
    assert chat.body["model"] == CODER
    assert chat.body["max_tokens"] == 50
    assert "max_completion_tokens" not in chat.body
    assert "Authorization" not in chat.headers


def test_the_everyday_model_is_loaded_before_the_first_request(home: Path, ollama: Ollama) -> None:
    with Shim(home):
        wait_for(lambda: ollama.loaded, 20)
    assert ollama.chats == []


def test_a_prompt_that_does_not_fit_is_refused_and_not_cut(home: Path, ollama: Ollama) -> None:
    with Shim(home) as shim:
        status, text = ask(shim, "word " * 4000)
    message = json.loads(text)["error"]["message"]
    assert (status, json.loads(text)["error"]["code"]) == (400, "context_length_exceeded")
    assert "This model's maximum context length is 4096 tokens" in message
    assert "/drop" in message
    assert "OLLAMA_CONTEXT_LENGTH" in message
    assert ollama.chats == []
    assert ollama.cut == 0


def test_a_prompt_that_fits_goes_through_whole_with_room_for_its_answer(
    home: Path, ollama: Ollama
) -> None:
    with Shim(home) as shim:
        status, _ = ask(shim, "word " * 2000)
    assert status == 200
    assert ollama.cut == 0
    # What the answer may take and the prompt together stay within the context.
    assert ollama.chats[0].body["max_tokens"] < 4096 - len("word " * 2000) // 4


def test_a_model_that_ollama_gave_more_room_takes_more(home: Path, ollama: Ollama) -> None:
    ollama.default_context = 16384
    with Shim(home) as shim:
        status, _ = ask(shim, "word " * 4000)
        assert status == 200
        assert ollama.cut == 0
        # And loses it again: the next prompt is held against what is true then.
        ollama.loaded[CODER] = 2048
        status, text = ask(shim, "word " * 4000)
        assert status == 400
        assert "2048 tokens" in text
    assert ollama.cut == 0
    noted = json.loads((home / "run" / "ollama.json").read_text())
    assert noted == {ollama.url: {CODER: 2048}}


def test_an_ollama_that_does_not_say_how_much_gets_what_is_safe(home: Path, ollama: Ollama) -> None:
    ollama.says_context = False
    with Shim(home) as shim:
        assert ask(shim, "word " * 4000)[0] == 400
        assert ask(shim, "word " * 1000)[0] == 200
    assert ollama.cut == 0


def test_where_the_model_is_gone_meanwhile_the_error_says_so(home: Path, ollama: Ollama) -> None:
    with Shim(home) as shim:
        wait_for(lambda: ollama.loaded, 20)
        ollama.models.clear()
        ollama.loaded.clear()
        status, text = ask(shim, "count")
    assert status == 400
    assert f"ollama pull {CODER}" in json.loads(text)["error"]["message"]


def test_a_shim_that_starts_again_serves_the_same_model(home: Path, ollama: Ollama) -> None:
    """What Aider was told holds for the session, also when Ollama is not there any more."""
    entry = {
        "provider": "ollama",
        "model": CODER,
        "api_base": f"{ollama.url}/v1",
        "billing": "local",
        "context": 4096,
    }
    spec = home / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "session": "01JTEST0000000000000000000",
                "token": "t" * 32,
                "owner": 1,
                "folder": str(home),
                "flags": {},
                "started": 0.0,
                "supervised": False,
                "local": {"local-coder": entry},
            }
        )
    )
    ollama.status = 503
    with Shim(home, "--spec", str(spec)) as shim:
        status, _, data = shim.request("GET", "/v1/models")
        assert status == 200
        owners = {model["id"]: model["owned_by"] for model in json.loads(data)["data"]}
        assert owners["local-coder"] == "lodestar:ollama"
        ollama.status = None
        assert ask(shim, "count")[0] == 200
