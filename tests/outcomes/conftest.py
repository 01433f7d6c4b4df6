"""A home with a database, and a repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.paths import Home, lodestar_home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.outcomes.place import Place


@pytest.fixture
def home(isolated_home: Path) -> Home:
    return lodestar_home()


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with Store.open(home.database, [CORE]) as store:
        yield store


@pytest.fixture
def place(tmp_path: Path, store: Store, home: Home) -> Place:
    return Place(tmp_path / "repo", store, home).create()
