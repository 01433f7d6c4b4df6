"""Running the reports in tests, and reading back what they print."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.filled import Filled, week_of_work
from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.conftest import Cli

REPORTS = (
    ("usage",),
    ("usage", "--by", "project,model"),
    ("usage", "--by", "session"),
    ("usage", "why"),
    ("usage", "why", "--by-reason"),
    ("usage", "models"),
    ("usage", "projects", "--tags"),
    ("usage", "compare", "local-coder", "claude-sonnet"),
    ("usage", "reconcile", "--provider", "anthropic", "--invoice", "1"),
)
IDS = [" ".join(arguments) for arguments in REPORTS]


@pytest.fixture
def filled(home: Home) -> Iterator[Filled]:
    """An empty ledger that the commands use."""
    with Store.open(home.database, [CORE, register_migrations()]) as store:
        yield Filled(store)


@pytest.fixture
def worked(filled: Filled, home: Home) -> Filled:
    """A ledger with a bit of everything."""
    week_of_work(filled, home.root.parent, now_ms())
    return filled


def as_json(cli: Cli, *arguments: str) -> dict[str, Any]:
    done = cli(*arguments, "--json")
    assert done.code in (0, 1), done.err
    return json.loads(done.out)  # type: ignore[no-any-return]


def as_csv(cli: Cli, *arguments: str) -> list[dict[str, str]]:
    done = cli(*arguments, "--csv")
    assert done.code in (0, 1), done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def as_markdown(cli: Cli, *arguments: str) -> list[dict[str, str]]:
    """The rows, the totals among them, by the titles of the columns."""
    done = cli(*arguments, "--format", "md")
    assert done.code in (0, 1), done.err
    lines = [line.strip("|").split(" | ") for line in done.out.splitlines()]
    titles, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return [dict(zip(titles, row, strict=True)) for row in rows]
