"""The environment and the command line that Aider gets."""

from __future__ import annotations

import pytest

from lodestar_aider.arguments import aider_arguments
from lodestar_aider.environment import clean_environment
from lodestar_aider.spec import read_spec
from tests.aider.place import Place


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "MISTRAL_API_KEY",
        "ANTHROPIC_BASE_URL",
        "AIDER_TEST_CMD",
        "LITELLM_LOG",
        "OPENAI_ORGANIZATION",
        "HTTPS_PROXY",
        "all_proxy",
        "GITHUB_COPILOT_TOKEN",
    ],
)
def test_keys_proxies_and_aider_variables_are_dropped(place: Place, name: str) -> None:
    environ = {name: "x", "PATH": "/bin"}
    clean_environment(environ, read_spec(place.write_spec()))
    assert name not in environ
    assert environ["PATH"] == "/bin"


def test_every_client_is_pointed_at_the_shim(place: Place) -> None:
    environ = {"OPENAI_API_KEY": "real", "OPENAI_API_BASE": "real", "NO_PROXY": "real"}
    clean_environment(environ, read_spec(place.write_spec()))
    assert environ["OPENAI_API_BASE"] == environ["LITELLM_PROXY_API_BASE"] == place.fake.url + "/v1"
    assert environ["OPENAI_API_KEY"] == environ["LITELLM_PROXY_API_KEY"] == place.fake.token
    assert environ["USE_LITELLM_PROXY"] == "True"
    assert "127.0.0.1" in environ["NO_PROXY"]


def test_what_the_user_typed_comes_last_and_the_token_nowhere(place: Place) -> None:
    typed = ("--check-update", "--model", "mine")
    arguments = aider_arguments(read_spec(place.write_spec(*typed, editor="big")))
    assert tuple(arguments[-3:]) == typed
    assert arguments[arguments.index("--editor-model") + 1] == "openai/big"
    assert "--yes-always" not in arguments
    assert not any(place.fake.token in argument for argument in arguments)
