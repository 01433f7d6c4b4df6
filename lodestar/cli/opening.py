"""What commands open: the configuration and the database."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lodestar.loading import Context, load
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from datetime import tzinfo

    from lodestar.store.migrations import MigrationSet
    from lodestar.store.store import Store


def configuration(flags: Mapping[str, Any] | None = None) -> Context:
    """The configuration of this run; its warnings go to stderr."""
    context = load(flags)
    for line in context.warnings:
        print(f"warning: {one_line(line)}", file=sys.stderr)
    return context


def migration_sets(context: Context) -> list[MigrationSet]:
    """The tables of the core and of the enabled modules."""
    from lodestar.plugins import Plugins
    from lodestar.store.schema import CORE

    return [CORE, *Plugins.load(context.settings).collect("register_migrations")]


def open_store(context: Context) -> Store:
    """The database, with those tables."""
    from lodestar.store.store import Store

    return Store.open(context.home.database, migration_sets(context))


def moment(context: Context, text: str | None, end: bool = False) -> int | None:
    """UTC milliseconds of what a user wrote, in his time zone."""
    if text is None:
        return None
    from datetime import datetime, timezone

    from lodestar.clock import zone
    from lodestar.log import parse_moment

    where: tzinfo | None = zone(context.settings.timezone)
    return parse_moment(text, where, datetime.now(timezone.utc), end)
