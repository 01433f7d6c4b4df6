"""What is kept of a session's end, and of its length."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.sessions import (
    Session,
    end_session,
    extend_session,
    length_and_turn,
    note_end,
    start_session,
)
from lodestar.store.store import Store


@pytest.mark.parametrize(
    ("noted", "said", "kept"),
    [
        (None, "ended", "ended"),
        ("time limit", "ended", "time limit"),
        ("time limit", "signal 15", "signal 15"),
        ("time limit", "killed", "killed"),
    ],
)
def test_the_reason_noted_before_counts_unless_something_worse_happened(
    tmp_path: Path, noted: str | None, said: str, kept: str
) -> None:
    with _started(tmp_path) as store:
        if noted:
            note_end(store, "01S", noted)
        end_session(store, "01S", said, 0)
        # What comes too late changes nothing.
        note_end(store, "01S", "idle limit")
        row = store.row("SELECT end_reason, exit_code, ended_ms FROM sessions")
        assert row is not None
        assert (row["end_reason"], row["exit_code"]) == (kept, 0)
        assert row["ended_ms"]


def test_a_session_is_only_ever_made_longer(tmp_path: Path) -> None:
    with _started(tmp_path, minutes=60) as store:
        extend_session(store, "01S", 75)
        extend_session(store, "01S", 70)
        assert length_and_turn(store, "01S") == (75, None)
        assert length_and_turn(store, "01OTHER") == (None, None)


def _started(root: Path, minutes: int | None = None) -> Store:
    store = Store.open(root / "usage.db", [CORE])
    session = Session("01S", None, "default", None, os.getpid(), minutes)
    assert start_session(store, Home(root), session)
    return store
