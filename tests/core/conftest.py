"""A repository that wants to set something."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.loading import Context, load
from lodestar.trust.question import decide

CONFIG = """
limits: {session_minutes: 60}
models:
  paid: {provider: openai, model: m, api_base: "https://api.example.org/v1", tier: 1}
  dear: {provider: openai, model: m, api_base: "https://api.example.org/v1", tier: 4}
"""


class Repository:
    """A repository, and a user with two paid models."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root / "repo"
        (self.root / ".git").mkdir(parents=True)
        (home / "profiles").mkdir(parents=True)
        (home / "config.yaml").write_text(CONFIG)
        (home / "profiles" / "bold.yaml").write_text("aider: {args: [--no-auto-commits]}\n")
        (home / "profiles" / "high.yaml").write_text("tier_ceiling: 5\n")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, folder: str = ".") -> Context:
        return load({}, folder=self.root / folder)

    def trust(self, folder: str = ".") -> Context:
        """Trust what is there now."""
        decide(self.load(folder), "trusted")
        return self.load(folder)


@pytest.fixture
def repository(tmp_path: Path, isolated_home: Path) -> Repository:
    return Repository(tmp_path, isolated_home)
