"""The question whether a session goes on: which key is an answer, and what is never one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect

from tests.aider.terminal import Terminal

PROGRAM = """
import json, sys
from lodestar_aider.question import ask
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
answer = ask({seconds})
print(json.dumps([answer.minutes, answer.typed]))
"""
APART_S = 0.6
"""Longer than between two keys of somebody who types."""


@contextmanager
def _asked(ahead: str = "", seconds: float = 60) -> Iterator[Terminal]:
    """A terminal with the question on it; `ahead` is typed before."""
    program = PROGRAM.format(seconds=seconds)
    child = pexpect.spawn(sys.executable, ["-I", "-c", program], encoding="utf-8")
    child.delaybeforesend = 0.01
    with Terminal(child) as terminal:
        terminal.wait("ready")
        terminal.send(f"\r{ahead}")
        terminal.wait("[s]top")
        yield terminal


def _answer(terminal: Terminal) -> tuple[int | None, str]:
    terminal.wait("]\r\n")
    assert terminal.exit_code() == 0
    minutes, typed = json.loads(terminal.text[terminal.text.rindex("[") :])
    return minutes, typed


def test_one_key_extends_and_another_stops() -> None:
    for key, minutes in (("1", 15), ("S", None), ("\x03", None)):
        with _asked() as terminal:
            terminal.send(key)
            assert _answer(terminal) == (minutes, "")


def test_what_was_typed_before_is_kept_and_is_no_answer() -> None:
    with _asked("11 lines\x7f, 3") as terminal:
        terminal.send("3")
        assert _answer(terminal) == (30, "11 line, 3")


def test_a_digit_in_the_middle_of_words_is_no_answer() -> None:
    with _asked() as terminal:
        for key in "line 13":
            terminal.send(key)
        time.sleep(APART_S)
        terminal.send("1")
        assert _answer(terminal) == (15, "line 13")


def test_enter_and_arrows_are_no_answer_and_silence_stops() -> None:
    with _asked(seconds=2) as terminal:
        terminal.send("\r\x1b[A")
        assert _answer(terminal) == (None, "\n")
