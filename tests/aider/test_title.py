"""The terminal's title: ours from the first alert on, the user's own again at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pexpect
import pytest

from tests.aider.place import Place
from tests.aider.terminal import Terminal

SAVE, RESTORE = "\x1b[22;2t", "\x1b[23;2t"


def _notice(id: int, **fields: Any) -> dict[str, Any]:
    return {"id": id, "level": "warn", "text": f"notice {id}", **fields}


def test_a_title_is_set_at_the_prompt_and_taken_back_at_the_end(place: Place) -> None:
    """One start for all of it: each costs several seconds.

    Not pretty, because a title in a pretty answer would not reach the terminal as it is.
    """
    with place.spawn("--no-pretty", "app.py") as terminal:
        place.fake.wait_event("idle")
        place.fake.add("notices", _notice(1))
        terminal.wait("notice 1")
        assert SAVE not in terminal.raw
        # While the answer streams, nothing is written but the answer.
        place.fake.change(hold=True)
        terminal.send("hello\r")
        terminal.wait("There is")
        place.fake.add("notices", _notice(2, title="Lodestar: 80 %\x1b]0;evil\x07 \u202eof it"))
        place.fake.wait_polls(4)
        assert "notice 2" not in terminal.text
        assert SAVE not in terminal.raw
        place.fake.change(hold=False)
        terminal.wait("notice 2")
        terminal.wait_raw("\x1b]2;Lodestar: 80 %]0;evil of it\x07")
        # At the prompt it is set at once, and saved only before the first one.
        place.fake.add("notices", _notice(3, title="Lodestar: 95 %"))
        terminal.wait("notice 3")
        terminal.wait_raw("\x1b]2;Lodestar: 95 %\x07")
        # While a request waits it says so, and then what it said before.
        place.fake.change(waits="other calls hold the daily limit ($2.00)")
        terminal.wait_raw("\x1b]2;Lodestar waits: other calls hold the daily limit ($2.00)\x07")
        place.fake.change(waits="")
        # The prompt may be drawn anew in between.
        terminal.wait_raw("\x1b]2;Lodestar: 95 %\x07", count=2)
        assert "\x1b]2;" not in terminal.raw.split("($2.00)\x07")[1].split("\x1b]2;Lodestar: 95")[0]
        assert terminal.raw.count(SAVE) == 1
        assert RESTORE not in terminal.raw
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    assert terminal.raw.count(RESTORE) == 1
    assert terminal.raw.index(SAVE) < terminal.raw.index("\x1b]2;")
    assert terminal.raw.rindex("\x1b]2;") < terminal.raw.index(RESTORE)


PROGRAM = """
from lodestar_aider.title import Title
title = Title()
title.restore()
title.show("")
title.show("Lodestar: 80 %")
title.restore()
title.restore()
print("done")
"""


PASSING = """
from lodestar_aider.title import Title
title = Title()
title.pass_by("waits")
title.pass_by("waits")
title.pass_by("")
print("nothing", flush=True)
title.pass_by("waits")
title.show("80 %")
title.pass_by("")
title.restore()
"""


def test_a_passing_title_gives_way_to_the_lasting_one_or_the_users_own() -> None:
    environ = {**os.environ, "TERM": "xterm-256color"}
    child = pexpect.spawn(sys.executable, ["-I", "-c", PASSING], env=environ, encoding="utf-8")
    with Terminal(child) as terminal:
        assert terminal.exit_code() == 0
        waits, lasting = "\x1b]2;waits\x07", "\x1b]2;80 %\x07"
        first, second = terminal.raw.split("nothing\r\n")
    assert first == f"{SAVE}{waits}{RESTORE}"
    assert second == f"{SAVE}{waits}{lasting}{RESTORE}"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("xterm-256color", f"{SAVE}\x1b]2;Lodestar: 80 %\x07{RESTORE}done\r\n"),
        ("tmux-256color", f"{SAVE}\x1b]2;Lodestar: 80 %\x07{RESTORE}done\r\n"),
        ("dumb", "done\r\n"),
        ("linux", "done\r\n"),
        ("", "done\r\n"),
    ],
)
def test_a_terminal_without_a_title_gets_none(kind: str, expected: str) -> None:
    environ = {**os.environ, "TERM": kind}
    child = pexpect.spawn(sys.executable, ["-I", "-c", PROGRAM], env=environ, encoding="utf-8")
    with Terminal(child) as terminal:
        assert terminal.exit_code() == 0
        assert terminal.raw == expected


def test_where_there_is_no_terminal_there_is_no_title() -> None:
    environ = {**os.environ, "TERM": "xterm-256color"}
    command = [sys.executable, "-I", "-c", PROGRAM]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
