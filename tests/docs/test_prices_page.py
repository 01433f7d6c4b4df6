"""The page on prices runs as written."""

from __future__ import annotations

from tests.docs.test_pages import _blocks, _run
from tests.e2e.conftest import Machine, machine  # noqa: F401 (a fixture)


def test_the_page_on_prices_runs_as_written(machine: Machine) -> None:  # noqa: F811
    done = _run(machine, _blocks("docs/how-to/prices.md", "prices"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "claude-sonnet\tanthropic/claude-sonnet-4-5-20250929\t3\t15" in done.stdout
    assert "taken back: set gpt-4o-mini" in done.stderr
    assert (machine.home / "config.yaml").read_text("utf-8").strip() == ""
