"""The models a user can name: the built-in catalogue with the user's own entries over it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from lodestar.errors import UsageError
from lodestar.settings import ModelEntry, Settings

WEAK = "lodestar-weak"
"""The alias that Aider's commit messages and summaries use; resolved per request."""


class Catalog:
    """Aliases and what they stand for."""

    def __init__(self, entries: Mapping[str, ModelEntry], weak: str) -> None:
        self._entries = dict(entries)
        self._weak = weak

    @classmethod
    def load(cls, settings: Settings, builtin: Path) -> Catalog:
        """The entries of `builtin`/models.yaml, replaced or joined by the user's."""
        text = (builtin / "models.yaml").read_text("utf-8")
        entries = {alias: ModelEntry(**entry) for alias, entry in yaml.safe_load(text).items()}
        return cls({**entries, **settings.models}, settings.weak)

    def __iter__(self) -> Iterator[tuple[str, ModelEntry]]:
        return iter(sorted(self._entries.items(), key=lambda item: (item[1].tier, item[0])))

    def __contains__(self, alias: str) -> bool:
        return self.plain(alias) in self._entries

    def plain(self, name: str) -> str:
        """The alias behind a name as Aider sends it: without `openai/`, the weak one resolved."""
        for prefix in ("litellm_proxy/", "openai/"):
            name = name.removeprefix(prefix)
        return self._weak if name == WEAK else name

    def get(self, alias: str) -> ModelEntry:
        """The entry of an alias. Raises UsageError with the nearest known one."""
        name = self.plain(alias)
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, 1)
            known = ", ".join(alias for alias, _ in self)
            raise UsageError(
                f"there is no model called `{name}`",
                f"the catalogue has: {known}",
                f"did you mean `{near[0]}`?" if near else "add it: lodestar models add",
            )
        return self._entries[name]
