"""A shim in front of a fake upstream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.shim_client import Shim, config, free_model
from tests.fakes.upstream import Upstream


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
    config(home, "main: fake\nweak: fake\n" + free_model(upstream.url))
    with Shim(home, env={"LODESTAR_HOME": str(home)}) as running:
        yield running


@pytest.fixture
def shim(shared: Shim, upstream: Upstream) -> Shim:
    """The shared shim, its upstream as new."""
    upstream.clear()
    return shared
