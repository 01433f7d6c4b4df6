"""Who names a model, so that none is removed that another one, or `auto`, leads to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context


def check_unnamed(context: Context, alias: str) -> None:
    """Raises UsageError, with what names it, where the alias would be missed."""
    from lodestar.catalog import Catalog
    from lodestar.paths import builtin_profiles
    from lodestar.settings import Settings

    if alias in Catalog.load(Settings(), builtin_profiles()):
        # The built-in one comes back.
        return
    found = list(dict.fromkeys(_namers(context, alias)))
    if found:
        raise UsageError(
            f"`{alias}` is still needed, and nothing was removed",
            f"it is named by {', '.join(found)}",
            "name another model there first, then remove it",
        )


def _namers(context: Context, alias: str) -> Iterator[str]:
    from lodestar.config import read_layer
    from lodestar.profiles import profile_files

    for other, entry in context.catalog:
        if alias in entry.fallbacks and other != alias:
            yield f"the fallbacks of `{other}`"
    files = profile_files(context.home)
    places = {f"the profile `{name}` (routing.auto)": path for name, path in files.items()}
    for place, path in {"config.yaml (routing.auto)": context.home.config_file, **places}.items():
        # One that cannot be read is reported by what uses it.
        with suppress(UsageError, OSError):
            values = read_layer(path).values if path.is_file() else {}
            routing = values.get("routing")
            if isinstance(routing, dict) and alias in (routing.get("auto") or ()):
                yield place
