"""Where paid models are closed, their keys are not even looked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lodestar.cli.main import run
from tests.fakes.shim_client import Shim, config
from tests.fakes.upstream import Upstream

KEY = "plainly-a-key-of-somebody"
RECORDING = """
import os, sys
from lodestar.secrets import system
from lodestar_shim import __main__ as program

def look(name):
    with open(os.environ["LOOKED"], "a") as file:
        file.write(name + "\\n")
    return "key-from-the-keyring"

system.password = look
sys.exit(program.main())
"""
"""The real shim; its keyring writes down what it is asked for."""


class Place:
    """A home with a free `local-coder` and a paid model, and a record of the keyring."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self.home = root / "home"
        self.looked = root / "looked"
        self.upstream = upstream

    def shim(self, limits: Mapping[str, Any], **environ: str) -> Shim:
        server = {"provider": "openai", "model": "fake-model", "api_base": self.upstream.url}
        price = {"price_in": 3, "price_out": 15, "tier": 3, "key_env": "PAID_KEY"}
        models = {"local-coder": {**server, "billing": "free"}, "paid": {**server, **price}}
        text = f"models: {json.dumps(models)}\nlimits: {json.dumps(limits)}\n"
        config(self.home, text)
        command = [sys.executable, "-c", RECORDING, "--home", str(self.home)]
        env = {"LODESTAR_HOME": str(self.home), "LOOKED": str(self.looked), **environ}
        return Shim(self.home, command=command, env=env)

    def sent_keys(self) -> list[str | None]:
        return [chat.headers.get("Authorization") for chat in self.upstream.chats]


@pytest.fixture
def place(tmp_path: Path, upstream: Upstream) -> Place:
    upstream.clear()
    return Place(tmp_path, upstream)


CLOSED = [{"free_only": True}, {"session_usd": 0}, {"daily_usd": 0}, {"monthly_tokens": 0}]


@pytest.mark.parametrize("limits", CLOSED, ids=lambda limits: next(iter(limits)))
def test_no_key_is_looked_up_for_a_model_that_is_closed(
    place: Place, limits: dict[str, Any]
) -> None:
    with place.shim(limits) as shim:
        status, _, body = shim.chat("paid")
    assert (status, place.sent_keys()) == (200, [None]), body
    assert not place.looked.exists()


def test_the_same_model_has_its_key_looked_up_where_it_is_open(place: Place) -> None:
    with place.shim({"session_usd": 1}) as shim:
        status, _, body = shim.chat("paid")
    assert (status, place.sent_keys()) == (200, ["Bearer key-from-the-keyring"]), body
    assert place.looked.read_text().startswith("PAID_KEY@127.0.0.1:")


def test_a_closed_model_is_not_sent_the_key_that_is_in_the_environment(place: Place) -> None:
    with place.shim({"free_only": True}, PAID_KEY=KEY) as shim:
        assert shim.chat("paid")[0] == 200
    assert place.sent_keys() == [None]


def test_a_raise_opens_a_closed_window_of_a_running_shim(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was never taken away: only free only does that."""
    monkeypatch.setenv("LODESTAR_HOME", str(place.home))
    with place.shim({}, PAID_KEY=KEY) as shim:
        assert run(["budget", "set", "--daily", "0"]) == 0
        assert shim.chat("paid")[0] == 200
        assert run(["budget", "raise", "1"]) == 0
        assert shim.chat("paid")[0] == 200
    assert place.sent_keys() == [None, f"Bearer {KEY}"]
