"""A price file is somebody else's: what it must not be able to do."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from lodestar.catalog import Catalog
from lodestar.errors import LodestarError, UsageError
from lodestar.paths import builtin_profiles
from lodestar.prices import source
from lodestar.prices.comparing import Comparison, compared
from lodestar.prices.listing import listed, parsed
from lodestar.settings import ModelEntry, Settings
from tests.cli.price_lists import ListServer, body, installed, status

TODAY = date(2026, 12, 24)
GOOD = {"litellm_provider": "openai", "input_cost_per_token": 3e-6, "output_cost_per_token": 12e-6}
ENTRY = ModelEntry(
    provider="openai", model="gpt-4o", api_base="https://api.openai.com/v1",
    price_in=Decimal("2.5"), price_out=Decimal(10),
)  # fmt: skip


def said(text: str) -> Comparison:
    file = parsed(text.encode(), "litellm test", "2026-12-24")
    settings = Settings(models={"m": ENTRY})
    return compared([("m", ENTRY)], settings, file, ["m"])[0]


def model(**fields: Any) -> str:
    return json.dumps({"gpt-4o": {**GOOD, **fields}})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (model(input_cost_per_token=-1e-6), "is no price"),
        (model(input_cost_per_token="0.000003"), "is no price"),
        (model(input_cost_per_token=True), "is no price"),
        (model(input_cost_per_token=[3e-6]), "is no price"),
        (model(cache_read_input_token_cost={}), "is no price"),
        (model(cache_creation_input_token_cost=-1), "is no price"),
        (model(input_cost_per_token_above_200k_tokens=-1), "is no price"),
        (model(input_cost_per_token=3), "is no price"),
        (model().replace("3e-06", "3e999999999"), "is no price"),
        (model().replace("3e-06", "9" * 4000), "is no price"),
        (model(input_cost_per_token=None), "no price for input and output"),
        (model(input_cost_per_token=0, output_cost_per_token=0), "costs nothing"),
        (model(output_cost_per_token=0.0), "costs nothing"),
        (model().replace("3e-06", "0e999999"), "costs nothing"),
        (model(output_cost_per_reasoning_token=9e-5), "reasoning costs more"),
        (model(input_cost_per_request=0.01), "input_cost_per_request"),
        (model(tiered_pricing=[{"range": [0, 1]}]), "tiered_pricing"),
        (f'{{"gpt-4o": {json.dumps(GOOD)}, "gpt-4o": {json.dumps(GOOD)}}}', "in the file twice"),
        (model().replace('"input_cost', '"input_cost_per_token": 1e-9, "input_cost'), "twice"),
        ('{"gpt-4o": 5}', "does not have it"),
        ('{"gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 1}}', "not have it"),
        ('{"gpt-4o": {"litellm_provider": ["openai"]}}', "not have it"),
        ("{}", "not have it"),
    ],
)
def test_a_price_that_is_none_is_not_taken_even_when_the_model_is_named(
    text: str, why: str
) -> None:
    found = said(text)
    assert why in found.why
    assert not found.taken
    assert found.found is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "3", '"x"', "{", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}',
     "[" * 100_000, '{"a":' * 100_000, "<!DOCTYPE html><html></html>", "\x00" * 50,
     '{"a": ' + "9" * 5000 + "}", '{"models": {}}', '{"a": {"litellm_provider_x": 1}}'],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_price_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(LodestarError, match="is no price file"):
        source.read(str(path), TODAY)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(LodestarError, match="is no price file"):
        source.read(str(path), TODAY)


def test_a_tiny_price_is_rounded_up_and_never_to_nothing() -> None:
    found = said(model(input_cost_per_token=1e-15)).found
    assert found
    assert found.price_in == Decimal("0.001")
    huge = said(model().replace("3e-06", "0." + "0" * 400 + "1")).found
    assert huge
    assert huge.price_in == Decimal("0.001")


def test_of_several_steps_the_dearest_price_holds_from_the_first_one_on() -> None:
    steps = {
        "input_cost_per_token_above_128k_tokens": 4e-6,
        "input_cost_per_token_above_256k_tokens": 9e-6,
        "output_cost_per_token_above_128k_tokens": 11e-6,
    }
    found = said(model(**steps)).found
    assert found
    assert found.long_prompt
    assert (found.long_prompt.above, found.long_prompt.price_in) == (128_000, 9)
    # Never below what a short prompt costs.
    assert found.long_prompt.price_out == 12


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(10 << 30)
    with pytest.raises(LodestarError, match="is no price file"):
        source.read(str(path), TODAY)


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", tmp_path, tmp_path / "missing", "/dev/zero", "a\0b"):
        with pytest.raises(UsageError):
            source.read(str(name), TODAY)


def test_the_day_of_a_file_is_when_it_was_changed_and_never_in_the_future(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(model())
    for day, expected in ((date(2026, 3, 1), "2026-03-01"), (date(2031, 1, 1), "2026-12-24")):
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc).timestamp()
        os.utime(path, (moment, moment))
        assert source.read(str(path), TODAY).date == expected


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://example.org/x", "file:///etc/passwd", "https:///x",
     "https://u:p@example.org/x", "https://[::1/x", "https://example.org:99999/x",
     "https://exa mple.org/x", "https://ex\u0430mple.org/x"],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_asked_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("socket.create_connection", opened)
    with pytest.raises(UsageError):
        source.read(url, TODAY)


def test_a_list_from_a_server_is_read_by_one_request_without_anything_of_ours() -> None:
    with ListServer(body(model())) as server:
        file = source.read(server.url, TODAY)
        assert listed(ENTRY, file)
        assert file.date == "2026-12-24"
        ((path, headers),) = server.asked
    assert path == "/prices.json"
    assert not {"Authorization", "Cookie", "Referer"} & headers.keys()


def test_a_server_that_sends_on_is_not_followed() -> None:
    with ListServer(body(model())) as other, ListServer(status(302, Location=other.url)) as server:
        with pytest.raises(LodestarError) as raised:
            source.read(server.url, TODAY)
        assert other.url in raised.value.why
        assert other.asked == []


def _drips(stop: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not stop.wait(0.05):
            request.wfile.write(b" ")
            request.wfile.flush()

    return answer


def test_a_server_that_never_ends_is_left() -> None:
    stop = threading.Event()
    with ListServer(_drips(stop)) as server:
        with pytest.raises(LodestarError, match="no prices could be had"):
            source.read(server.url, TODAY, patience_s=0.5)
        stop.set()


@pytest.mark.parametrize(
    "answer",
    [status(404), status(500), status(204), body(model(), length=10_000), body("<html>")],
    ids=["404", "500", "204", "cut", "page"],
)
def test_an_answer_that_is_no_whole_list_is_refused(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    with ListServer(answer) as server, pytest.raises(LodestarError):
        source.read(server.url, TODAY)


def test_every_price_of_the_installed_list_is_taken_exactly_or_not_at_all() -> None:
    """A second computation: whole nano-dollars per token, straight from the text of the file."""
    raw = json.loads(installed().read_bytes(), parse_float=str, parse_int=str)
    file = parsed(installed().read_bytes(), "litellm test")
    looked_at = 0
    for name, theirs in raw.items():
        provider = theirs.get("litellm_provider")
        if name == "sample_spec" or not provider or not name.partition("/")[2]:
            continue
        full = name if name.startswith(f"{provider}/") else f"{provider}/{name}"
        found = listed(ModelEntry(provider="litellm", model=full), file)
        if found is None or found.name != name or not found.prices:
            continue
        looked_at += 1
        for ours, key in (("price_in", "input_cost_per_token"),
                          ("price_out", "output_cost_per_token"),
                          ("price_cache_read", "cache_read_input_token_cost"),
                          ("price_cache_write", "cache_creation_input_token_cost")):  # fmt: skip
            if theirs.get(key) is None:
                assert ours not in found.prices, name
                continue
            nano = found.prices[ours] * 1000
            exact = Decimal(theirs[key]) * 10**9
            assert nano == nano.to_integral_value(), name
            assert exact <= nano < exact + 1, name
    assert looked_at > 500


def test_the_built_in_prices_are_those_of_the_bundled_list_or_the_provider() -> None:
    file = parsed(installed().read_bytes(), "litellm test")
    catalog = Catalog.load(Settings(), builtin_profiles())
    verdicts = {one.alias: one.verdict for one in compared(catalog, Settings(), file)}
    assert set(verdicts.values()) == {"same", "missing"}
    assert [a for a, v in verdicts.items() if v == "missing"] == ["gemini-pro", "grok-beta"]
