"""Asking an engine how it is, where there is none or something else."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lodestar.engine_client import health
from lodestar.errors import LodestarError


def test_where_no_engine_runs_there_is_no_answer(tmp_path: Path) -> None:
    assert health(tmp_path / "engine.sock") is None
    with closing(socket.socket(socket.AF_UNIX)) as left_behind:
        left_behind.bind(str(tmp_path / "engine.sock"))
    assert health(tmp_path / "engine.sock") is None


def test_an_engine_that_dies_while_it_is_asked_runs_no_more(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as dying:
        dying.bind(str(tmp_path / "engine.sock"))
        dying.listen()

        def die() -> None:
            connection, _ = dying.accept()
            # Closed with the question unread: the other side sees a reset.
            connection.recv(1, socket.MSG_PEEK)
            connection.close()

        thread = threading.Thread(target=die)
        thread.start()
        assert health(tmp_path / "engine.sock") is None
        thread.join()


def test_one_that_takes_the_question_and_is_silent_is_told_apart(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as mute:
        mute.bind(str(tmp_path / "engine.sock"))
        mute.listen()
        with pytest.raises(LodestarError, match="does not answer"):
            health(tmp_path / "engine.sock", timeout_s=0.1)
