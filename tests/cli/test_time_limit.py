"""`lodestar code --time-limit`: what is taken, and what is refused before anything starts."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize("text", ["0", "30s", "90s", "soon", "1.5h", "", "-5"])
def test_a_time_limit_that_is_none_is_a_usage_error_in_three_lines(cli: Cli, text: str) -> None:
    done = cli("code", "--time-limit", text)
    assert done.code == 2
    assert len(done.err.splitlines()) == 3
    assert "45m, 2h or 1h30m" in done.err
