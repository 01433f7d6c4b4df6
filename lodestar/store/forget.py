"""Finding what is to be forgotten, and the files that no table knows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lodestar.errors import LodestarError, UsageError
from lodestar.paths import Home
from lodestar.store.sessions import sweep_dead
from lodestar.store.store import Store
from lodestar.store.text import storable


@dataclass(frozen=True)
class Project:
    """One project as the database knows it."""

    id: str
    root: Path


def find_project(store: Store, text: str) -> Project:
    """The project of a folder or a name, none of whose sessions runs.

    Raises UsageError where there is none or more than one.
    """
    folder = storable(str(Path(text).expanduser().resolve()))
    rows = store.rows(
        "SELECT id, root FROM projects WHERE root IN (?, ?) OR name = ?"
        " ORDER BY root IN (?, ?) DESC",
        (folder, text, text, folder, text),
    )
    exact = [row for row in rows if row["root"] in (folder, text)]
    found = exact or rows
    if not found:
        names = ", ".join(row["root"] for row in store.rows("SELECT root FROM projects LIMIT 20"))
        raise UsageError(f"there is no project `{text}`", f"known: {names or 'none'}")
    if len(found) > 1:
        roots = ", ".join(row["root"] for row in found)
        raise UsageError(f"`{text}` is the name of several projects", roots, "give its folder")
    project = Project(str(found[0]["id"]), Path(found[0]["root"]))
    _refuse_running(store, project)
    return project


def remove_histories(home: Home, project: Project) -> None:
    """Delete what Aider remembers of it: questions and whole answers."""
    shutil.rmtree(home.histories(project.root), ignore_errors=True)


def _refuse_running(store: Store, project: Project) -> None:
    sweep_dead(store)
    sql = "SELECT count(*) FROM sessions WHERE project_id = ? AND ended_ms IS NULL"
    if store.rows(sql, (project.id,))[0][0]:
        raise LodestarError(
            f"a session in {project.root} is running",
            "what it writes now would not be forgotten",
            "end it first",
        )
