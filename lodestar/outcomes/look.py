"""One look at one commit: was it taken back, and what is left of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lodestar.outcomes.git import Git, GitError
from lodestar.outcomes.history import DAY_S, History, Made, Place
from lodestar.outcomes.known import Known
from lodestar.outcomes.lines import Brought, brought_by, survivors

AGES = (1, 7, 30)
"""Days after a commit at which its lines are counted."""


@dataclass(frozen=True)
class Found:
    """What is so now. `survival` has the ages that were not counted before."""

    reverted: Mapping[str, Any] | None = None
    survival: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def look(git: Git, history: History, made: Made, known: Known, now_s: float) -> Found:
    """Raises GitError where this repository cannot tell."""
    if history.is_cut(made.commit):
        raise GitError("what came before the commit is not in this clone")
    reached = [days for days in AGES if now_s >= made.committed_s + days * DAY_S]
    # What was taken back by /undo is not looked for in another form.
    place = history.find(made, rewritten=not known.undone)
    if place:
        return _standing(git, history, made, place, known, reached)
    if known.undone:
        return Found()
    if history.is_shallow:
        raise GitError("it may be on a branch that is not whole in this clone")
    return _gone(git, made, known, reached)


def _standing(
    git: Git, history: History, made: Made, place: Place, known: Known, reached: Sequence[int]
) -> Found:
    by = history.reverted_by(place, made.commit)
    reverted = {"hash": made.commit, "how": "revert", "by": by} if by else None
    due = [days for days in reached if known.survival.get(days, _GONE).get("gone")]
    brought = brought_by(git, made.commit) if due else Brought(made.commit)
    survival = {}
    for days in due:
        at = history.as_of(place, made.committed_s + days * DAY_S)
        survival[days] = {
            **_counted(brought, days, survivors(git, brought, place.commit, at)),
            **({} if place.how == "itself" else {"how": place.how, "now": place.commit}),
        }
    return Found(reverted, survival)


def _gone(git: Git, made: Made, known: Known, reached: Sequence[int]) -> Found:
    due = [days for days in reached if days not in known.survival]
    brought = brought_by(git, made.commit) if due else Brought(made.commit)
    # A branch may come back, or be merged as something else: then this is counted again.
    survival = {days: {**_counted(brought, days, 0), **_GONE} for days in due}
    return Found({"hash": made.commit, "how": "gone"}, survival)


_GONE = {"gone": True}


def _counted(brought: Brought, days: int, survived: int) -> dict[str, Any]:
    skipped = {"skipped": brought.skipped} if brought.skipped else {}
    found = {"hash": brought.commit, "days": days, "added": brought.count, "survived": survived}
    return {**found, **skipped}
