"""The question at the end of a session, asked on a real terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from lodestar.rating import Answer, ask

PROGRAM = """
import sys, termios
from lodestar.rating import ask
before = termios.tcgetattr(0)
if len(sys.argv) > 2:
    print("READY", flush=True)
    sys.stdin.readline()  # the test typed ahead, then sent this line
answer = ask("app.py: 1 file +2 -2", float(sys.argv[1]), lambda: print("DIFF SHOWN", flush=True))
print("RESULT", answer.verdict, answer.reason, answer.how)
print("RESTORED", termios.tcgetattr(0) == before, flush=True)
"""
KEYS = r"\[g\]ood  \[b\]ad  \[s\]kip  \[d\]iff"
WHY = r"\[w\]rong"
Terminal = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Start the question in a terminal of its own."""
    monkeypatch.delenv("LODESTAR_NO_INPUT")
    started: list[pexpect.spawn[str]] = []

    def start(*arguments: str, term: str = "xterm") -> pexpect.spawn[str]:
        child = pexpect.spawn(
            sys.executable,
            ["-c", PROGRAM, *arguments],
            env={**os.environ, "TERM": term},
            encoding="utf-8",
            timeout=10,
            dimensions=(24, 100),
        )
        child.delaybeforesend = None
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def result(child: pexpect.spawn[str]) -> str:
    """The answer; the terminal must be as it was."""
    child.expect(r"RESULT (.*?)\r\n")
    found = str(child.match.group(1))
    child.expect("RESTORED True")
    return found


def test_g_is_good_without_enter(terminal: Terminal) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.send("g")
    assert result(child) == "good None key"


@pytest.mark.parametrize(
    ("key", "reason"),
    [("w", "wrong"), ("i", "incomplete"), ("f", "format"), ("o", "overmuch"), ("\r", "None")],
)
def test_b_is_bad_and_one_more_key_says_why(terminal: Terminal, key: str, reason: str) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.send("b")
    child.expect(WHY)
    child.send(key)
    assert result(child) == f"bad {reason} key"


@pytest.mark.parametrize("key", ["s", "S", " ", "\r", "\x1b"])
def test_a_skip_is_never_a_vote(terminal: Terminal, key: str) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.send(key)
    assert result(child) == "None None key"


def test_ctrl_c_is_a_skip(terminal: Terminal) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.sendintr()
    assert result(child) == "None None interrupt"


def test_no_key_is_a_skip(terminal: Terminal) -> None:
    child = terminal("0.2")
    assert result(child) == "None None timeout"


def test_other_keys_arrows_and_pasted_text_are_ignored(terminal: Terminal) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.send("\x1b[A")
    child.expect("19s")
    child.send("bad change ö\t1")
    child.expect("18s")
    child.send("g")
    assert result(child) == "good None key"


def test_what_was_typed_before_the_question_is_no_vote(terminal: Terminal) -> None:
    child = terminal("20", "wait")
    child.expect("READY")
    child.send("go\nbbb\n")
    child.expect(KEYS)
    child.send("g")
    assert result(child) == "good None key"


def test_d_shows_the_diff_and_asks_again(terminal: Terminal) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.send("d")
    child.expect("DIFF SHOWN")
    child.expect(KEYS)
    child.send("g")
    assert result(child) == "good None key"


def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal) -> None:
    child = terminal("20", term="dumb")
    child.expect(KEYS)
    assert "\x1b" not in child.before + child.after
    child.send("g")
    assert result(child) == "good None key"


def test_a_closed_terminal_ends_the_question(terminal: Terminal, tmp_path: Path) -> None:
    child = terminal("20")
    child.expect(KEYS)
    child.close(force=False)
    assert not child.isalive()


@pytest.mark.parametrize("name", ["CI", "LODESTAR_NO_INPUT"])
def test_where_nobody_may_be_asked_it_skips_at_once(name: str) -> None:
    assert ask("?", 60, environ={name: "1"}) == Answer(None, None, "no terminal")


def test_without_a_terminal_it_skips_at_once() -> None:
    assert ask("?", 60, environ={}) == Answer(None, None, "no terminal")
