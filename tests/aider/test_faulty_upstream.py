"""A real Aider on a real shim, whose upstream breaks: one error, no minute of retries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aider.place import Place
from tests.fakes.faulty import Faulty
from tests.fakes.shim_client import Shim, config, free_model


@pytest.fixture
def upstream() -> Iterator[Faulty]:
    """An upstream that breaks."""
    with Faulty() as upstream:
        # The first words must be out before the rest is in.
        upstream.pause_s = 0.5
        yield upstream


@pytest.fixture
def shim(place: Place, upstream: Faulty) -> Iterator[Shim]:
    """A shim whose `local-coder` is the upstream."""
    home = place.home / ".lodestar"
    config(home, "main: local-coder\nweak: local-coder\n" + free_model(upstream.url, "local-coder"))
    with Shim(home) as shim:
        yield shim


def _ask(place: Place, shim: Shim) -> str:
    done = place.run(
        "--message", "hello", shim_url=f"http://127.0.0.1:{shim.port}", token=shim.token
    )
    return done.stdout


@pytest.mark.parametrize("mode", ["rst", "not_http", "big_line"])
def test_a_start_that_fails_is_shown_once(
    place: Place, shim: Shim, upstream: Faulty, mode: str
) -> None:
    upstream.fail_by(mode)
    screen = _ask(place, shim)
    assert screen.count("Lodestar got no answer from `local-coder`") == 1
    assert "Retrying" not in screen
    assert upstream.requests == 1


@pytest.mark.parametrize("mode", ["rst_later", "bad_chunk_later"])
def test_a_stream_that_breaks_is_asked_for_once_more(
    place: Place, shim: Shim, upstream: Faulty, mode: str
) -> None:
    upstream.fail_by(mode)
    screen = _ask(place, shim)
    assert "Hello there" in screen
    assert screen.count("Retrying") == 1
    assert upstream.requests == 2
    assert {row["status"] for row in shim.rows("SELECT status FROM exchanges")} == {"error"}


def test_a_name_that_is_no_utf_8_is_said_at_once(place: Place, shim: Shim) -> None:
    """Nothing is sent: litellm cannot encode it, and would call the provider broken."""
    name = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    (place.repo / name).write_text("x = 1\n")
    done = place.run(
        "--message", "hello", name, shim_url=f"http://127.0.0.1:{shim.port}", token=shim.token
    )
    assert done.stdout.count("Lodestar cannot send this: `caf\\udce9.py` is not valid UTF-8") == 1
    assert "Retrying" not in done.stdout
