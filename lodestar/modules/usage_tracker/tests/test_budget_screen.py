"""`lodestar budget show` on a terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from lodestar.modules.usage_tracker.budget_bars import BAR, bar
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.modules.usage_tracker.tests.money import a_hold, limited, spend
from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import reported

__all__ = ["cli", "home"]


def on_a_terminal(columns: int, **environ: str) -> list[str]:
    """What the program writes on a terminal of that width, line by line."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "lodestar", "budget"],
        env={**os.environ, "TERM": "xterm-256color", **environ},
        dimensions=(40, columns),
        encoding="utf-8",
        timeout=60,
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return str(child.before).replace("\r\n", "\n").splitlines()


def test_the_limits_are_a_picture_on_a_terminal(cli: Cli, home: Home) -> None:
    home.config_file.write_text("timezone: Europe/Berlin\nlimits:\n  weekly_usd: 0\n")
    with Store.open(home.database, [CORE, register_migrations()]) as store:
        spend(store, reported(30, 900), limited())
        a_hold(store)
        cli("budget", "set", "--daily", "0.03", "--ask-above", "0.10", "--on-limit", "stop")
        cli("budget", "set", "--daily", "200k", "--tokens", "--model", "claude-sonnet")
        cli("budget", "raise", "0.0122", "--until", "2030-01-31", "--reason", "release\x1b[31m day")
        lines = on_a_terminal(100)
    assert lines[0] == "one call               asks above $0.10 (from lodestar budget)"
    assert lines[1] == "day for claude-sonnet  [--------------------]   0%  0 of 200,000 tokens"
    assert lines[4] == "day                    [======::::::::------]  32%  $0.0136 of $0.0422"
    assert re.fullmatch(
        r"    \$0\.013\d left, \$0\.015\d held by calls that run; resets at 00:00"
        r" \(in (\d+ h )?\d+ min\)",
        lines[5],
    )
    assert lines[6] == "    at the limit: stop; from lodestar budget"
    assert re.fullmatch(
        r"    \$0\.0122 of it until 2030-02-01 00:00, raised by \S+@\S+ \(cli\): release day",
        lines[7],
    )
    week = f"week                   0, so paid models are closed (from {home.config_file}:3)"
    assert lines[8] == week
    assert len(lines) == 9


@pytest.mark.parametrize(
    ("columns", "environ"), [(40, {}), (80, {"TERM": "dumb", "NO_COLOR": "1"})]
)
def test_a_narrow_or_dumb_terminal_gets_the_same_words(
    cli: Cli, columns: int, environ: dict[str, str]
) -> None:
    cli("budget", "set", "--daily", "2")
    lines = on_a_terminal(columns, **environ)
    assert lines[0] == "day  [--------------------]   0%  $0.00 of $2.00"
    assert not re.search(r"[^\x20-\x7e]", "".join(lines))


def test_a_projects_odd_name_cannot_steer_the_terminal(cli: Cli, tmp_path: Path) -> None:
    odd = tmp_path / "a\x1b[31m\nday  [====] 1%"
    odd.mkdir()
    cli("budget", "set", "--daily", "2", "--project", str(odd))
    lines = on_a_terminal(100)
    assert lines[0].startswith(f"day in {tmp_path}/a day [====] 1%  [-----")
    assert "\x1b[31m" not in "".join(lines)


@pytest.mark.parametrize(
    ("spent", "held", "picture"),
    [
        (0, 0, "-" * 20),
        (49, 0, "=" * 9 + "-" * 11),
        (99, 0, "=" * 19 + "-"),
        (100, 0, "=" * 20),
        (500, 0, "=" * 20),
        (50, 1, "=" * 10 + ":" + "-" * 9),
        (50, 50, "=" * 10 + ":" * 10),
        (90, 500, "=" * 18 + "::"),
    ],
)
def test_a_bar_is_full_only_where_nothing_is_left(spent: int, held: int, picture: str) -> None:
    limit = Limit("day", "usd", 100, "stop", "budget")
    assert bar(Standing(limit, spent, held)) == picture
    assert len(picture) == BAR


def test_the_bar_of_a_closed_window_is_full() -> None:
    assert bar(Standing(Limit("day", "usd", 0, "stop", "budget"), 0, 0)) == "=" * BAR
