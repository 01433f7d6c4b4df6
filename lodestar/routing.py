"""The order of models: what answers where another fails, and what `auto` chooses among."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from lodestar.errors import UsageError
from lodestar.settings import ModelEntry, Settings

AUTO = "auto"
"""The alias that stands for whichever model should answer: free ones first."""
LOCAL = "local-coder"
"""Where everything ends that may cost nothing."""

Entries = Mapping[str, ModelEntry]


def chain(alias: str, entries: Entries) -> list[str]:
    """The alias, its fallbacks, and theirs, each once, in the order in which they are tried.

    Raises UsageError where a fallback leads back to itself, or is no model.
    """
    found: list[str] = []
    _follow(alias, entries, (), found)
    return found


def check(entries: Entries, settings: Settings) -> None:
    """Raises UsageError where fallbacks go round in a circle or name no model."""
    for reserved in settings.models:
        if reserved == AUTO:
            raise UsageError(
                f"models.{AUTO}: a model cannot be called `{AUTO}`",
                f"`{AUTO}` stands for whichever model should answer (routing.auto)",
                "give it another name in config.yaml",
            )
    for alias, entry in entries.items():
        if entry.fallbacks:
            chain(alias, entries)


def auto_order(entries: Entries, settings: Settings) -> list[str]:
    """What `auto` chooses among, the free ones first. Raises UsageError for what is no model."""
    named = settings.routing.auto or [*_of_main(entries, settings), LOCAL]
    for alias in settings.routing.auto:
        if alias not in entries:
            raise _unknown("routing.auto", alias, entries)
    known = [alias for alias in dict.fromkeys(named) if alias in entries]
    return sorted(known, key=lambda alias: entries[alias].paid)


def _of_main(entries: Entries, settings: Settings) -> Iterable[str]:
    return chain(settings.main, entries) if settings.main in entries else ()


def _follow(alias: str, entries: Entries, path: tuple[str, ...], found: list[str]) -> None:
    if alias in path:
        circle = " -> ".join((*path[path.index(alias) :], alias))
        raise UsageError(
            f"the fallbacks of `{alias}` go round in a circle",
            circle,
            f"take one of them out of the `fallbacks` of `{path[-1]}`",
        )
    if alias not in found:
        found.append(alias)
    for after in entries[alias].fallbacks:
        if after not in entries:
            raise _unknown(f"the fallbacks of `{alias}`", after, entries)
        _follow(after, entries, (*path, alias), found)


def _unknown(where: str, alias: str, entries: Entries) -> UsageError:
    near = difflib.get_close_matches(alias, entries, 1)
    return UsageError(
        f"{where}: there is no model called `{alias}`",
        f"the catalogue has: {', '.join(sorted(entries))}",
        f"did you mean `{near[0]}`?" if near else "add it: lodestar models add",
    )
