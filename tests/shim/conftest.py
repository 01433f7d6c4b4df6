"""A shim in front of a fake upstream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.shim_client import Shim, config, free_model
from tests.fakes.upstream import Upstream
from tests.shim.routed import Routed, entry, models

IMPATIENT = {"ask_s": 1, "body_s": 0.5, "linger_s": 0.3, "unread_s": 0.5, "silent": 20}
STRANGERS_MEMORY = 50 << 20


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """A fake upstream, shared by the tests of a file."""
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def shared(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """A shim with the free alias `fake`, shared by the tests of a file."""
    home: Path = tmp_path_factory.mktemp("home")
    # The embedded engine has its own tests; here no process of it is to be started.
    once = "routing: {retries: 0}\n"
    config(home, "main: fake\nweak: fake\n" + once + free_model(upstream.url))
    with Shim(home, env={"LODESTAR_HOME": str(home)}) as running:
        yield running


@pytest.fixture
def shim(shared: Shim, upstream: Upstream) -> Shim:
    """The shared shim, its upstream as new."""
    upstream.clear()
    return shared


@pytest.fixture(scope="module")
def impatient(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """As `shared`, with little patience for its clients."""
    home: Path = tmp_path_factory.mktemp("home")
    config(home, "main: fake\nweak: fake\n" + free_model(upstream.url))
    with Shim(home, env={"LODESTAR_HOME": str(home)}, limits=IMPATIENT) as running:
        yield running


@pytest.fixture
def guarded(impatient: Shim, upstream: Upstream) -> Iterator[Shim]:
    """The impatient shim: after each test it answers as ever, and kept its secrets and size."""
    assert impatient.chat()[0] == 200
    upstream.clear()
    before = impatient.memory()
    yield impatient
    assert impatient.chat()[0] == 200
    assert impatient.memory() - before < STRANGERS_MEMORY
    assert impatient.token not in (impatient.home / "logs" / "shim.log").read_text("utf-8")


@pytest.fixture(scope="module")
def local() -> Iterator[Upstream]:
    """Where the free models of `shims` are served."""
    with Upstream(text="The free one.") as server:
        yield server


@pytest.fixture(scope="module")
def paid() -> Iterator[Upstream]:
    """Where the paid models of `shims` are served."""
    with Upstream(text="The paid one.") as server:
        yield server


@pytest.fixture(scope="module")
def shims(
    local: Upstream, paid: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Shims by `escalate`, started when first asked for; the ceiling is tier 3."""
    started: dict[str, Routed] = {}

    def shim(escalate: str) -> Routed:
        if escalate not in started:
            routing = {"auto": ["top", "mid", "local-coder"], "escalate": escalate, "retries": 0}
            more = {"free-first": entry(local.url, fallbacks=["mid"])}
            home: Path = tmp_path_factory.mktemp("home")
            started[escalate] = Routed(
                home, models(local, paid, **more), routing=routing, tier_ceiling=3
            )
        local.clear()
        paid.clear()
        return started[escalate]

    yield shim
    for one in started.values():
        one.stop()
