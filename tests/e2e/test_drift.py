"""`lodestar code` with an Aider whose insides have changed."""

from __future__ import annotations

import sys

from tests.e2e.conftest import RENAMED, SOURCE, Machine
from tests.fakes.shim_client import free_model
from tests.fakes.upstream import Upstream

ANSWER = f"hello.py\n```\n{RENAMED}```\n"
EDIT = ("--yes-always", "--message", "x", "hello.py")
# Lodestar calls it as `python -I LAUNCHER --fd N`.
INTERPRETER = """#!/bin/sh
shift
exec {python} -I -c 'import aider.commands, runpy, sys
del aider.commands.Commands.cmd_undo
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""


def test_an_aider_that_has_drifted_is_refused_and_plain_is_the_way_on(machine: Machine) -> None:
    python = machine.project.parent / "python"
    python.write_text(INTERPRETER.format(python=sys.executable))
    python.chmod(0o755)
    with Upstream(text=ANSWER) as upstream:
        config = f"main: fake\nweak: fake\naider: {{python: {python}}}\n"
        machine.config(config + free_model(upstream.url))
        refused = machine.run("code", *EDIT)
        assert (refused.returncode, upstream.chats) == (1, []), refused.stderr
        assert "lodestar code --plain" in refused.stderr
        assert machine.text() == SOURCE
        assert machine.rows("SELECT * FROM exchanges") == []
        plain = machine.run("code", "--plain", *EDIT)
    assert plain.returncode == 0, plain.stderr
    assert machine.text() == RENAMED
    # Its outcomes are not known.
    assert "exchanges, " in plain.stderr
    assert "edit" not in plain.stderr
    assert {row["status"] for row in machine.rows("SELECT status FROM exchanges")} == {"ok"}
    machine.wait_gone()
