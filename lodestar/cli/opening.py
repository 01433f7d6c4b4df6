"""What commands open: the configuration and the database."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lodestar.loading import Context, load
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from lodestar.store.store import Store


def configuration(flags: Mapping[str, Any] | None = None) -> Context:
    """The configuration of this run; its warnings go to stderr."""
    context = load(flags)
    for line in context.warnings:
        print(f"warning: {one_line(line)}", file=sys.stderr)
    return context


def open_store(context: Context) -> Store:
    """The database, with the tables of the core and of the enabled modules."""
    from lodestar.plugins import Plugins
    from lodestar.store.schema import CORE
    from lodestar.store.store import Store

    plugins = Plugins.load(context.settings)
    return Store.open(context.home.database, [CORE, *plugins.collect("register_migrations")])
