"""Imported models: whether the file behind each alias is there, and as long as it was."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from lodestar.catalog import Catalog
from lodestar.doctor.check import Check, Problem
from lodestar.engine_models import noted_facts, packaged_names
from lodestar.paths import Home


def checks(home: Home, catalog: Catalog) -> list[Check]:
    """The checks of what was imported. Files are measured, not read: they are large."""
    packaged = packaged_names() | {"demo"}
    return [Check("imported models as imported", lambda: broken(home, catalog, packaged))]


def broken(home: Home, catalog: Catalog, packaged: Collection[str]) -> list[Problem]:
    """Files that aliases stand for and that are gone, or are not of the size noted."""
    aliases: dict[str, list[str]] = {}
    for alias, entry in catalog:
        name = entry.model.partition("@")[0]
        if entry.provider == "engine" and name not in packaged:
            aliases.setdefault(name, []).append(f"`{alias}`")
    found = [(name, _fault(home.root / "models" / f"{name}.gguf")) for name in aliases]
    return [
        Problem(
            f"{', '.join(aliases[name])}: {fault}",
            f"lodestar models import FILE --name {shlex.quote(name)} --yes",
        )
        for name, fault in found
        if fault
    ]


def _fault(path: Path) -> str:
    if not path.is_file():
        return f"{path} is missing"
    noted, size = _noted_size(path), path.stat().st_size
    return "" if noted in (None, size) else f"{path} has {size} bytes, and had {noted} when it came"


def _noted_size(path: Path) -> int | None:
    """Nothing where it is not noted: the user has put the file there, or an import was cut off."""
    facts = noted_facts(path)
    # While `replaces` is there, the note vouches for the file before, too.
    size = None if facts.get("replaces") else facts.get("size")
    return size if isinstance(size, int) else None
