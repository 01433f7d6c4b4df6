"""Fixtures of this module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.conftest import isolated_home

__all__ = ["isolated_home", "prompts", "store"]


@pytest.fixture(scope="session")
def prompts() -> Prompts:
    """The texts of the Aider that is installed."""
    return Prompts.of_aider()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database with core's tables."""
    with Store.open(tmp_path / "usage.db", [CORE]) as opened:
        yield opened
