"""What the tests of `lodestar prices` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lodestar.doctor import choices
from lodestar.loading import load
from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.cli.price_lists import price_list

MINE = (
    "# my models\n"
    "models:\n"
    "  mine:  # the fast one\n"
    "    provider: openai\n"
    "    model: gpt-4.1-mini\n"
    "    api_base: https://api.openai.com/v1\n"
    "    price_in: 0.5  # they told me so\n"
    "    price_out: 2\n"
    "timezone: Europe/Berlin  # home\n"
)


def lists(tmp_path: Path, **models: Any) -> str:
    path = tmp_path / "prices.json"
    path.write_text(price_list(**models))
    return str(path)


def prices(cli: Cli) -> dict[str, dict[str, Any]]:
    data = json.loads(cli("prices", "list", "--json").out)["data"]
    return {one["alias"]: one for one in data}


def written(home: Home) -> dict[str, Any]:
    return dict(yaml.safe_load(home.config_file.read_text()))


def old_prices() -> list[str]:
    """What `lodestar doctor` says is to be done about prices."""
    return [problem.do for problem in choices.prices(load())]
