"""Commands of the shell, on the machine that the sessions left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.pictures.drawing import Shot, taken
from tests.pictures.stage import Stage

COMMANDS = {
    "usage": "usage",
    "usage-by-model": "usage month --by model",
    "why-paid": "usage why month",
    "prices": "prices list",
    "budget": "budget show",
    "status": "status",
    "models": "models list",
    "doctor": "doctor",
    "log": "log list",
}
"""By the picture's name."""


def commands(stage: Stage, wanted: Mapping[str, str] = COMMANDS) -> Iterator[Shot]:
    """Each of them."""
    for name, words in wanted.items():
        with stage.command(*words.split(), columns=120) as window:
            window.exit_code()
            yield taken(name, f"lodestar {words}", window.window, whole=False)


def dashboard(stage: Stage) -> Iterator[Shot]:
    """The dashboard's first tab, and that of the models."""
    with stage.command("dashboard", rows=30, columns=110) as window:
        window.see("Newest exchanges", "commit_message")
        window.settle()
        yield taken("dashboard", "lodestar dashboard", window.window)
        window.send("3")
        window.see("claude-sonnet", "Avoided")
        window.settle()
        yield taken("dashboard-models", "lodestar dashboard", window.window)
        window.send("q")
        window.exit_code()
