"""The reports on terminals of all kinds, and where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from lodestar.modules.usage_tracker.tests.filled import Filled
from lodestar.modules.usage_tracker.tests.usage_cli import IDS, REPORTS, filled, worked
from tests.cli.conftest import home

__all__ = ["filled", "home", "worked"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
START_S = 60


def on_screen(width: int, *arguments: str, **environ: str) -> str:
    """What a terminal of so many columns is given."""
    known = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "COLUMNS")}
    child = pexpect.spawn(
        sys.executable,
        ["-m", "lodestar", *arguments],
        env={**known, "TERM": "xterm-256color", **environ},
        dimensions=(50, width),
        encoding="utf-8",
        timeout=START_S,
    )
    text = child.read()
    child.close()
    assert child.exitstatus in (0, 1), text
    return str(text)


@pytest.mark.parametrize("report", REPORTS, ids=IDS)
def test_a_narrow_terminal_leaves_out_columns_and_says_which(
    worked: Filled, report: tuple[str, ...]
) -> None:
    text = COLOUR.sub("", on_screen(40, *report))
    table = text.split("no room for")[0].splitlines()
    # Notes are sentences: the terminal wraps those.
    rows = [line for line in table[1:] if re.search(r"\S  +\S", line)]
    assert rows
    assert max(len(line.rstrip()) for line in rows) <= 40
    assert "no room for" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_without_colours_gets_none(worked: Filled, environ: dict[str, str]) -> None:
    text = on_screen(60, "usage", **environ)
    assert "\x1b[3" not in text
    assert "Total" in text


def test_a_wide_terminal_shows_totals_below_the_rows(worked: Filled) -> None:
    lines = COLOUR.sub("", on_screen(140, "usage", "--by", "model")).splitlines()
    assert lines[0].startswith("Usage, ")
    assert lines[1].split()[:3] == ["Model", "Calls", "Free"]
    total = next(line for line in lines if line.startswith("Total"))
    assert "$1.00" in total


@pytest.mark.parametrize("report", REPORTS, ids=IDS)
def test_nothing_is_asked_and_nothing_breaks_without_a_terminal(
    worked: Filled, tmp_path: Path, report: tuple[str, ...]
) -> None:
    dull = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "60", "CI": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lodestar", *report],
        env={**os.environ, **dull},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows
    assert {len(row) for row in rows} == {len(header)}
