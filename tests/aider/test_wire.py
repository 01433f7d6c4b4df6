"""The single way out of Aider, and the channel beside it."""

from __future__ import annotations

import dataclasses

from lodestar_aider.channel import Channel
from lodestar_aider.spec import read_spec
from lodestar_aider.turns import Turns
from lodestar_aider.wire import Wire, check_text
from tests.aider.place import Place


def test_model_settings_can_add_to_a_request_but_not_redirect_or_retry_it(place: Place) -> None:
    wire = Wire(read_spec(place.write_spec()), Turns())
    sent = wire.arguments(
        {
            "model": "openai/local-coder",
            "top_p": 0.5,
            "base_url": "http://elsewhere",
            "api_base": "http://elsewhere",
            "api_key": "another",
            "custom_llm_provider": "azure",
            "fallbacks": ["gpt-4o"],
            "max_retries": 5,
            "extra_headers": {"X-Mine": "1", "X-Lodestar-Kind": "summary"},
        }
    )
    headers = sent.pop("extra_headers")
    assert sent == {
        "model": "openai/local-coder",
        "top_p": 0.5,
        "api_base": place.fake.url + "/v1",
        "api_key": place.fake.token,
        "max_retries": 0,
    }
    assert (headers["X-Mine"], headers["X-Lodestar-Kind"]) == ("1", "other")


def test_a_shim_that_is_away_is_not_an_error(place: Place) -> None:
    away = dataclasses.replace(read_spec(place.write_spec()), shim_url="http://127.0.0.1:9")
    assert Channel(away).poll(0) is None
    assert Channel(away).send([{"type": "idle"}]) is False


def test_a_refused_event_is_not_sent_again(place: Place) -> None:
    stranger = dataclasses.replace(read_spec(place.write_spec()), token="wrong")
    assert Channel(stranger).send([{"type": "idle"}]) is True
    assert place.fake.events == []


def test_a_long_line_without_a_blank_is_looked_through_once() -> None:
    """A minified file is one line; a search that starts again at each letter would take hours."""
    check_text(None, {"messages": [{"role": "user", "content": "x" * 2_000_000}]})
