"""`lodestar status --watch` in a real terminal, and the doctor's own edit."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pexpect
import pytest

from tests.e2e.conftest import LODESTAR, FakedMachine, Machine

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


@contextmanager
def watching(machine: Machine, **environ: str) -> Iterator[pexpect.spawn]:
    """`lodestar status --watch` after its first frame."""
    child = pexpect.spawn(
        str(LODESTAR),
        ["status", "--watch"],
        cwd=str(machine.project),
        env={**machine.environ, **environ},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=60,
    )
    try:
        child.expect("database ")
        yield child
    finally:
        child.close(force=True)


def left(child: pexpect.spawn) -> tuple[int | None, str]:
    """Its exit code, and what it wrote at the end."""
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus, child.before


@pytest.mark.parametrize("how", ["q", "\x03"])
def test_it_looks_again_and_q_or_ctrl_c_leave_the_terminal_as_it_was(
    how: str, faked: FakedMachine
) -> None:
    with watching(faked) as child:
        first = child.before
        assert ENTER in first
        assert "\x1b[H" in first
        child.expect("database ")
        child.send(how)
        code, rest = left(child)
    assert code == 0
    assert rest.endswith("\x1b[?25h" + LEAVE)
    assert "Traceback" not in rest


def test_a_kill_leaves_the_terminal_as_it_was(faked: FakedMachine) -> None:
    with watching(faked) as child:
        child.kill(signal.SIGTERM)
        code, rest = left(child)
    assert code == 128 + signal.SIGTERM
    assert rest.endswith(LEAVE)


def test_no_line_is_longer_than_the_terminal_is_wide(faked: FakedMachine) -> None:
    with watching(faked) as child:
        child.expect("\x1b\\[J")
        frame = child.before
    assert frame
    assert max(len(line.replace("\x1b[K", "")) for line in frame.splitlines()) <= 80


def coloured(machine: FakedMachine, environ: Mapping[str, str]) -> str:
    """What a frame looks like where something is amiss: the engine is `off`, so dimmed."""
    with watching(machine, **environ) as child:
        return str(child.before)


def test_no_color_and_a_dumb_terminal_are_respected(faked: FakedMachine) -> None:
    assert "\x1b[2m" in coloured(faked, {})
    plain = coloured(faked, {"NO_COLOR": "1"})
    assert ENTER in plain
    assert "\x1b[2m" not in plain
    assert "\x1b" not in coloured(faked, {"TERM": "dumb"})


def test_a_dumb_terminal_gets_one_frame_after_the_other(faked: FakedMachine) -> None:
    with watching(faked, TERM="dumb") as child:
        child.expect("database ")
        child.sendintr()
        assert left(child)[0] == 0


def test_the_doctor_makes_a_real_edit_and_leaves_nothing(machine: Machine) -> None:
    done = machine.run("doctor", "--deep", "--json", timeout=300)
    found = {one["subject"]: one for one in json.loads(done.stdout)["data"]}
    edit = found["a real edit by demo, which ships"]
    assert edit["level"] == "ok", edit
    assert edit["seconds"] > 0
    assert machine.rows("SELECT * FROM exchanges") == [], "the log is not touched"
    assert machine.git("log", "--oneline").count("\n") == 1
    machine.wait_gone()
