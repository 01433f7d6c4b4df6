"""Writers take turns: first come, first served, and who leaves the queue holds nobody up."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.errors import LedgerError
from lodestar.store.turn import turn


def opened(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)


def until(true: object) -> None:
    deadline = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def standing() -> int:
    return sum(thread.name == "lodestar-turn" for thread in threading.enumerate())


def test_who_comes_first_is_served_first(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []

    def writer(number: int) -> None:
        with turn(path, opened(path), 10):
            order.append(number)

    writers = [threading.Thread(target=writer, args=(number,)) for number in range(6)]
    with turn(path, opened(path), 10):
        for number, one in enumerate(writers, 1):
            one.start()
            until(lambda wanted=number: standing() == wanted)
            # In the queue of the kernel, not only on the way there.
            time.sleep(0.05)
    for one in writers:
        one.join(10)
    assert order == list(range(6))


def test_a_turn_that_does_not_come_is_an_error_in_three_lines(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        turn(path, opened(path), 1),
        pytest.raises(LedgerError, match="busy"),
        turn(path, opened(path), 0.05),
    ):
        raise AssertionError("it is not free")


def test_who_left_the_queue_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with turn(path, opened(path), 1):
        for _ in range(3):
            with pytest.raises(LedgerError), turn(path, opened(path), 0.02):
                raise AssertionError("it is not free")
        assert standing() == 3
    until(lambda: standing() == 0)
    with turn(path, opened(path), 5):
        pass


def test_an_interrupt_in_the_queue_leaves_it(tmp_path: Path, mocker: MockerFixture) -> None:
    path = tmp_path / "lock"
    with turn(path, opened(path), 1):
        wait = mocker.patch("threading.Event.wait", side_effect=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt), turn(path, opened(path), 5):
            raise AssertionError("it is not free")
        mocker.stop(wait)
    until(lambda: standing() == 0)
    with turn(path, opened(path), 5):
        pass


def test_a_failure_inside_gives_the_turn_back(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        with pytest.raises(ValueError, match="inside"), turn(path, opened(path), 1):
            raise ValueError("inside")
