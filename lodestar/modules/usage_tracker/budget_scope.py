"""What a budget command is about: which project, which model, which windows."""

from __future__ import annotations

import os
import pwd
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lodestar.cli.opening import open_store
from lodestar.errors import LedgerError, UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.limits import Limit, Unit, Window
from lodestar.project import find_project
from lodestar.store.reader import Reader
from lodestar.store.sessions import project_id
from lodestar.store.store import Store
from lodestar.store.text import storable


@dataclass(frozen=True)
class Wanted:
    """The selectors of a command as they were typed; no window is all of them."""

    unit: Unit = "usd"
    windows: tuple[Window, ...] = ()
    project: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Scope:
    """A project's id and a model's alias; None is all of them."""

    project: str | None = None
    alias: str | None = None

    def holds(self, limit: Limit) -> bool:
        """Whether the limit is of exactly this scope."""
        return (limit.project, limit.alias) == (self.project, self.alias)


@contextmanager
def ledger(context: Context) -> Iterator[Store]:
    """The database. Raises LedgerError where it, or its tables of money, cannot be used."""
    with open_store(context) as store:
        try:
            yield store
        except sqlite3.Error as error:
            do = "see what is wrong with it: lodestar doctor"
            raise LedgerError("the ledger cannot be used", str(error), do) from error


def scope_of(
    context: Context, connection: sqlite3.Connection, wanted: Wanted, add: bool = False
) -> Scope:
    """The scope that was typed; `add` makes a row for a project that has none yet.

    Raises UsageError where the folder or the model is not there.
    """
    project = wanted.project and _project(connection, wanted.project, add)
    alias = wanted.model and _alias(context, connection, wanted.model)
    return Scope(project, alias)


def project_here(store: Reader, context: Context) -> str | None:
    """The id of the project around the current folder, if it has one yet."""
    return _known(store, str(context.project.root))


def project_names(store: Reader) -> Mapping[str, str]:
    """The roots of all projects by id."""
    return {row["id"]: row["root"] for row in store.rows("SELECT id, root FROM projects")}


def who() -> str:
    """Who is at work: the system's user, not what an environment variable says."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return storable(f"{user}@{socket.gethostname()} (cli)")


def _project(connection: sqlite3.Connection, text: str, add: bool) -> str:
    folder = Path(text).expanduser()
    if folder.is_dir():
        # Resolved, because a session calls its project by the folder's real name.
        root = find_project(folder.resolve()).root
        if add:
            return project_id(connection, root)
        # An id that no row has: then nothing is found, as it should be.
        return _known(connection, str(root)) or "none"
    # A folder may be gone while its budget is not.
    found = _known(connection, os.path.abspath(folder))
    if not found:
        why = "a project is named by its folder, or any folder in it"
        raise UsageError(f"there is no folder {text}", why, "give a folder, such as --project .")
    return found


def _known(place: Reader | sqlite3.Connection, root: str) -> str | None:
    sql, values = "SELECT id FROM projects WHERE root = ?", (storable(root),)
    row = (
        place.execute(sql, values).fetchone()
        if isinstance(place, sqlite3.Connection)
        else place.row(sql, values)
    )
    return str(row[0]) if row else None


def _alias(context: Context, connection: sqlite3.Connection, name: str) -> str:
    budgeted = connection.execute("SELECT 1 FROM budgets WHERE alias = ?", (name,)).fetchone()
    if not budgeted:
        context.catalog.get(name)
    return context.catalog.plain(name)
