"""`lodestar report`: one page, the same figures as `lodestar usage`, and nothing from elsewhere."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker.tests.budget_cli import data, ledger, spent
from lodestar.modules.usage_tracker.tests.test_summary import free
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.browser import Browser, needs_chromium

__all__ = ["cli", "home", "ledger"]
HOSTILE = "<script>document.title='evil'</script><img src=x onerror=alert(1)>\x1b[31m"


@pytest.fixture
def used(ledger: Store) -> Store:
    """A ledger with paid and free calls of a project with an evil name."""
    with ledger.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('p1', '/home/me/x', ?, 1)", (HOSTILE,))
        connection.execute(
            "INSERT INTO sessions(id, machine_id, project_id, profile, branch, started_ms)"
            " VALUES ('S1', 'm', 'p1', 'default', ?, 1)",
            (HOSTILE,),
        )
    for _ in range(3):
        spent(ledger)
        free(ledger, 1000, 400)
    return ledger


def test_its_totals_are_those_of_usage(cli: Cli, used: Store, tmp_path: Path) -> None:
    totals = json.loads(cli("usage", "month", "--json").out)["totals"]
    assert totals["cash_usd"] == "0.04077"
    markdown = cli("report").out
    page = cli("report", "--html", "-").out
    assert markdown.count(f"**${totals['cash_usd']}**") >= 3
    assert f'title="${totals["cash_usd"]}"' in page
    assert f'title="${totals["avoided_usd"]}"' in page
    assert "**50%** of all calls were free" in markdown
    assert f"**${float(totals['avoided_usd']):.2f}** avoided" in markdown


def test_the_page_is_one_private_file_that_is_not_replaced_unasked(
    cli: Cli, used: Store, tmp_path: Path
) -> None:
    file = tmp_path / "out.html"
    assert cli("report", "--html", str(file)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    refused = cli("report", "--html", str(file))
    assert (refused.code, file.read_text()) == (2, "mine")
    assert "is there already" in refused.err
    assert cli("report", "--html", str(file), "--force").code == 0
    assert file.read_text().startswith("<!doctype html>")
    assert list(tmp_path.glob(".out*")) == []
    nowhere = cli("report", "--html", str(tmp_path / "none" / "out.html"))
    assert nowhere.code == 1
    assert "No such file" in nowhere.err


def test_it_asks_for_nothing_and_runs_nothing(cli: Cli, used: Store) -> None:
    page = cli("report", "--html", "-").out
    assert set(re.findall(r"https?://[^\"' <]*", page)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_an_empty_ledger_has_a_report_too(cli: Cli, ledger: Store) -> None:
    page = cli("report", "--html", "-")
    assert page.code == 0, page.err
    assert "$0.00 were billed for 0 paid calls." in page.out
    assert "<svg" not in page.out
    assert "No change by a free model was committed" in page.out


def test_who_raised_a_limit_stands_in_it(cli: Cli, used: Store) -> None:
    assert cli("budget", "set", "--daily", "2").code == 0
    assert (
        cli("budget", "raise", "1", "--until", "midnight", "--reason", "release | today").code == 0
    )
    shown = cli("report").out
    assert "2 changes of a budget." in shown
    assert "raised it by $1.00" in shown
    assert "release \\| today" in shown


@pytest.mark.parametrize("period", ["today", "week", "year", "all", "2026-11", "2026"])
def test_each_period_has_a_page(cli: Cli, used: Store, period: str) -> None:
    page = cli("report", period, "--html", "-")
    assert page.code == 0, page.err
    assert data(cli("usage", period, "--json"), "usage") is not None


@needs_chromium
def test_a_real_browser_shows_it_offline_and_for_everybody(
    cli: Cli, used: Store, tmp_path: Path
) -> None:
    file = tmp_path / "out.html"
    assert cli("report", "--html", str(file)).code == 0
    with Browser() as browser:
        browser.open(file.as_uri())
        assert browser.requests == [file.as_uri()]
        assert browser.problems == []
        assert browser.js("document.title").startswith("Lodestar: what AI coding cost and saved")
        # By keyboard: the first thing leads to the answers, and a wide table can be scrolled.
        browser.key("Tab", 9)
        assert browser.js("document.activeElement.textContent") == "Skip to the answers"
        tabbed = "[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0)"
        assert browser.js(tabbed)
        nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
        seen = {(n["role"]["value"], n.get("name", {}).get("value")) for n in nodes if "role" in n}
        for question in ("What did it cost?", "What did it save?", "Who used it?"):
            assert ("heading", question) in seen
        assert ("columnheader", "Cash") in seen
        assert ("rowheader", "Total") in seen
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            assert browser.js(CONTRAST) >= 4.5, scheme
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=360,
            height=800,
            deviceScaleFactor=1,
            mobile=True,
        )
        assert browser.js("document.documentElement.scrollWidth") <= 360


CONTRAST = """(() => {
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3)
      .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (!c.startsWith('rgba(0, 0, 0, 0')) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  const all = [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.namespaceURI.endsWith('xhtml'));
  return Math.min(...all.map(e => {
    const pair = [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  }));
})()"""
"""The least contrast of any text, as the Web Content Accessibility Guidelines count it."""
