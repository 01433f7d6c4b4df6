"""What the pictures show: real sessions and commands, in this order, on one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from tests.comparison.desks import whole
from tests.pictures.drawing import Shot, taken
from tests.pictures.emulator import Emulator
from tests.pictures.stage import GREET, SOURCE, Stage

PROMPT = re.compile(r"^[\w. ]*>\n*(?: ?(?:FREE|PAID|CLOSED|UNKNOWN) .*)?\Z", re.M)
SALUTE = GREET.replace("greet", "salute")
Shots = Iterator[Shot]
START = "lodestar code --no-rating hello.py"


def scenes(stage: Stage) -> Shots:
    """All of them."""
    return chain(_session(stage), _warned(stage), narrow(stage), _no_colour(stage), _plain(stage))


def _session(stage: Stage) -> Shots:
    """One session: free, paid, and a second answer."""
    stage.config(limits={"session_minutes": 90})
    stage.run("budget", "set", "--daily", "2", "--monthly", "30")
    with stage.code("--no-rating", "hello.py", rows=34) as window:
        prompt(window)
        stage.free.text = whole(GREET)
        edit(window, "rename hello to greet")
        yield taken("prompt", START, window.window)
        wipe(window)
        say(window, "/usage")
        say(window, "/budget")
        yield taken("usage-inside", START, window.window)
        wipe(window)
        say(window, "/paid")
        type_in(window, "/paid claude-sonnet", "[No]:")
        window.send("y\r")
        window.see("PAID claude-sonnet")
        yield taken("paid", START, window.window)
        stage.paid.text = whole(SALUTE)
        edit(window, "rename greet to salute")
        wipe(window)
        say(window, "/why")
        yield taken("why", START, window.window)
        yield from _second(stage, window)
        window.send("/exit\r")
        window.exit_code()
        yield taken("end", START, window.window)


def _second(stage: Stage, window: Emulator) -> Shots:
    say(window, "/free")
    stage.free.text = whole(SOURCE)
    edit(window, "rename salute to hello")
    wipe(window)
    stage.paid.text = whole(GREET)
    type_in(window, "/escalate", "[No]:")
    window.send("y\r")
    window.see("Keep the new answer?")
    window.settle()
    yield taken("escalate", START, window.window)
    window.send("y\r")
    prompt(window)


def _warned(stage: Stage) -> Shots:
    stage.run("budget", "set", "--daily", "0.07")
    stage.paid.text = whole(SALUTE)
    title = "lodestar code --model claude-sonnet hello.py"
    arguments = title.split()[2:]
    with stage.code("--no-rating", *arguments) as window:
        prompt(window)
        edit(window, "rename it to salute")
        yield taken("warning", title, window.window)
        leave(window)
    stage.run("budget", "set", "--daily", "2")


def narrow(stage: Stage) -> Shots:
    """A window of 46 columns."""
    with stage.code("--no-rating", "hello.py", rows=16, columns=46) as window:
        prompt(window)
        say(window, "/budget")
        yield taken("prompt-narrow", "46 columns", window.window)
        leave(window)


def _no_colour(stage: Stage) -> Shots:
    with stage.code("--no-rating", "hello.py", rows=16, NO_COLOR="1") as window:
        prompt(window)
        say(window, "/usage")
        yield taken("prompt-no-colour", f"NO_COLOR=1 {START}", window.window)
        leave(window)


def _plain(stage: Stage) -> Shots:
    with stage.code("--no-rating", "--no-fancy-input", "hello.py", rows=16) as window:
        prompt(window)
        say(window, "/why")
        title = "lodestar code --no-fancy-input hello.py"
        yield taken("prompt-plain", title, window.window)
        leave(window)


def prompt(window: Emulator) -> None:
    """Wait for Aider's prompt, and for the status below it."""
    window.until(lambda text: bool(PROMPT.search(text)), "no prompt")
    window.settle()


def say(window: Emulator, line: str) -> None:
    """Type a line and wait for the next prompt."""
    type_in(window, line)
    prompt(window)


def edit(window: Emulator, line: str) -> None:
    """Ask for an edit and wait for its commit, and for the ledger's word on it."""
    type_in(window, line, "Commit ")
    prompt(window)
    window.settle(1.5)


def type_in(window: Emulator, line: str, *then: str) -> None:
    """Type a line, and wait for what it brings."""
    window.send(f"{line}\r")
    window.see(f"> {line}"[:40], *then)


def wipe(window: Emulator) -> None:
    """Clear the window."""
    window.send("\x0c")
    window.settle()


def leave(window: Emulator) -> None:
    """End the session."""
    window.send("/exit\r")
    window.exit_code()
