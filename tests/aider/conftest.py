"""A project, a home and a fake shim for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aider.fake_openai import FakeOpenAI
from tests.aider.forks import Forks
from tests.aider.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A project with one committed file, app.py, and a fake shim."""
    with FakeOpenAI() as fake:
        place = Place(tmp_path, fake)
        place.create()
        yield place


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Aider, imported once."""
    with Forks() as forks:
        yield forks
