"""Going through a list of edits, each with its diff."""

from __future__ import annotations

from collections.abc import Sequence

import questionary

from lodestar.clock import local_text
from lodestar.commits import show_commit
from lodestar.rating import REASONS
from lodestar.store.feedback import add_rating
from lodestar.store.store import Store
from lodestar.terminal import one_line
from lodestar.unrated import Edit

MOST_LINES = 200


def go_through(store: Store, edits: Sequence[Edit]) -> int:
    """Ask about each edit, saving one by one; returns how many were rated."""
    rated = 0
    for number, edit in enumerate(edits, 1):
        _show(edit, f"{number}/{len(edits)}")
        verdict = _choose("Did this change help?", ["good", "bad", "skip", "quit"])
        if verdict in (None, "quit"):
            break
        if verdict == "good":
            add_rating(store, edit.session, edit.exchange, "good", "list")
        elif verdict == "bad":
            reason = _choose("Why?", [*REASONS.values(), "no reason"])
            kept = reason if reason in REASONS.values() else None
            add_rating(store, edit.session, edit.exchange, "bad", "list", kept)
        rated += verdict in ("good", "bad")
    return rated


def _choose(question: str, choices: list[str]) -> str | None:
    """The choice, or None for Ctrl-C."""
    answer = questionary.select(question, choices=choices, use_shortcuts=False).ask()
    return None if answer is None else str(answer)


def _show(edit: Edit, position: str) -> None:
    where = f"{edit.project or 'no project'}, {edit.model or 'unknown model'}"
    print(one_line(f"\n[{position}] {local_text(edit.started_ms)}  {where}"))
    for commit in edit.commits:
        lines = show_commit(edit.root, commit).splitlines() if edit.root else []
        print("\n".join(lines[:MOST_LINES]))
        if len(lines) > MOST_LINES:
            print(f"... {len(lines) - MOST_LINES} more lines: git show {commit}")
