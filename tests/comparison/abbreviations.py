"""What each abbreviation means to Aider: `python -m tests.comparison.abbreviations [NAME ...]`.

With names of commands, Lodestar's launcher has registered them before. Prints one line for each
beginning of a command that Aider takes for one command.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from aider.commands import Commands

from lodestar_aider.channel import Command
from lodestar_aider.commands import SlashCommands
from lodestar_aider.desk import Desk


def meanings(own: list[str]) -> dict[str, str]:
    """Each beginning of these commands that means one command, and which."""
    commands: Any = Commands.__new__(Commands)
    beginnings = {name[:end] for name in own for end in range(2, len(name) + 1)}
    found = {beginning: commands.matching_commands(beginning)[0] for beginning in beginnings}
    exact = {b: b for b, matches in found.items() if b in matches}
    return {b: m[0] for b, m in found.items() if len(m) == 1} | exact


def main(names: list[str]) -> None:
    """Print them for Aider's own commands."""
    own = Commands.__new__(Commands).get_commands()
    if names:
        commands = [Command(name, "A command") for name in names]
        channel: Any = SimpleNamespace(commands=lambda: commands)
        SlashCommands(channel, Desk()).install()
    for beginning, meaning in sorted(meanings(own).items()):
        sys.stdout.write(f"{beginning} {meaning}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
