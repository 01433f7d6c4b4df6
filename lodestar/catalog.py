"""The models a user can name: the built-in catalogue with the user's own entries over it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from lodestar.errors import UsageError
from lodestar.prices.own import priced
from lodestar.routing import AUTO, auto_order, chain, check
from lodestar.settings import ModelEntry, Settings

# Every command reads the catalogue: the parser in C takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
WEAK = "lodestar-weak"
"""The alias that Aider's commit messages and summaries use; resolved per request."""


class Catalog:
    """Aliases and what they stand for."""

    def __init__(
        self, entries: Mapping[str, ModelEntry], weak: str, auto: Sequence[str] = ()
    ) -> None:
        self._entries = dict(entries)
        self._weak = weak
        self.auto = tuple(auto)
        """What `auto` chooses among, in order."""

    @classmethod
    def load(cls, settings: Settings, builtin: Path) -> Catalog:
        """The entries of `builtin`/models.yaml at the user's prices, and the user's entries.

        Raises UsageError where a fallback, what `auto` chooses among, or a price cannot be meant.
        """
        text = (builtin / "models.yaml").read_text("utf-8")
        read = yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe one)
        entries = {alias: ModelEntry(**entry) for alias, entry in read.items()}
        entries = {**priced(entries, settings), **settings.models}
        check(entries, settings)
        return cls(entries, settings.weak, auto_order(entries, settings))

    def replaced(self, entries: Mapping[str, ModelEntry]) -> Catalog:
        """The same catalogue with other entries for these aliases."""
        return Catalog({**self._entries, **entries}, self._weak, self.auto)

    def __iter__(self) -> Iterator[tuple[str, ModelEntry]]:
        return iter(sorted(self._entries.items(), key=lambda item: (item[1].tier, item[0])))

    def __contains__(self, alias: str) -> bool:
        return self._named(alias) in self._entries

    def plain(self, name: str) -> str:
        """The alias behind a name as Aider sends it: without `openai/`, the weak one resolved."""
        for prefix in ("litellm_proxy/", "openai/"):
            name = name.removeprefix(prefix)
        return self._weak if name == WEAK else name

    def get(self, alias: str) -> ModelEntry:
        """The entry of an alias, for `auto` the one it begins with.

        Raises UsageError with the nearest known one.
        """
        name = self._named(alias)
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, 1)
            known = ", ".join(alias for alias, _ in self)
            raise UsageError(
                f"there is no model called `{name}`",
                f"the catalogue has: {known}",
                f"did you mean `{near[0]}`?" if near else "add it: lodestar models add",
            )
        return self._entries[name]

    @property
    def offered(self) -> list[tuple[str, ModelEntry]]:
        """Every alias that a client may name; `auto`, the last one, behaves as its first model."""
        return [*self, *((name, self.get(name)) for name in (AUTO,) if name in self)]

    def in_order(self, alias: str) -> list[tuple[str, ModelEntry]]:
        """Where a name may be answered, in order. Raises UsageError as `get` does."""
        name = self.plain(alias)
        self.get(name)
        names = self.auto if name == AUTO else chain(name, self._entries)
        return [(other, self._entries[other]) for other in names]

    def reached(self, alias: str, settings: Settings) -> list[ModelEntry]:
        """What may answer a name without another word of the user. Raises UsageError."""
        first, *rest = (entry for _, entry in self.in_order(alias))
        goes_up = settings.routing.escalate == "auto"
        ceiling = settings.tier_ceiling
        return [first, *(e for e in rest if goes_up and e.tier <= ceiling)]

    def _named(self, alias: str) -> str:
        name = self.plain(alias)
        return self.auto[0] if name == AUTO and self.auto else name
