"""The learning module says what waits, and does nothing else."""

from __future__ import annotations

import pytest

from lodestar.modules.learning.plugin import session_event
from lodestar.settings import Settings, TrainingSettings
from lodestar.store.feedback import add_rating, undo_last_rating
from lodestar.store.store import Store

FINISHED = {"type": "finished"}


@pytest.fixture
def session(store: Store) -> str:
    with store.write() as connection:
        connection.execute(
            "INSERT INTO sessions(id, machine_id, profile, started_ms) VALUES ('S', 'M', 'p', 1)"
        )
    return "S"


def test_a_session_without_ratings_says_nothing(store: Store, session: str) -> None:
    assert session_event(session, FINISHED, store, Settings()) is None


def test_rated_answers_are_counted_where_training_is_off(store: Store, session: str) -> None:
    add_rating(store, session, None, "good", "prompt")
    add_rating(store, session, None, "bad", "prompt")
    (line,) = session_event(session, FINISHED, store, Settings()) or []
    assert line.startswith("2 of your answers are rated")
    assert "lodestar config set training.opt_in true" in line


def test_an_undone_rating_is_not_counted(store: Store, session: str) -> None:
    add_rating(store, session, None, "good", "prompt")
    undo_last_rating(store)
    assert session_event(session, FINISHED, store, Settings()) is None


def test_nothing_is_said_where_training_is_on(store: Store, session: str) -> None:
    add_rating(store, session, None, "good", "prompt")
    settings = Settings(training=TrainingSettings(opt_in=True))
    assert session_event(session, FINISHED, store, settings) is None


def test_other_events_are_ignored(store: Store, session: str) -> None:
    add_rating(store, session, None, "good", "prompt")
    assert session_event(session, {"type": "outcome"}, store, Settings()) is None
