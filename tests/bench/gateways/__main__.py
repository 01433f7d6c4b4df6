"""`python -m tests.bench.gateways`: Lodestar beside other gateways."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.gateways import page, report
from tests.bench.gateways.figures import figures
from tests.bench.gateways.measure import machine
from tests.bench.gateways.native import BUILD, fake_upstream
from tests.bench.gateways.rounds import Sizes, measure, sizes
from tests.bench.gateways.targets import Target
from tests.bench.gateways.targets.direct import Direct
from tests.bench.gateways.targets.litellm import LiteLLM
from tests.bench.gateways.targets.lodestar import Lodestar, Paid
from tests.bench.gateways.targets.portkey import Portkey
from tests.bench.gateways.targets.tensorzero import TensorZero

ROOT = Path(__file__).parents[3]
TARGETS: Sequence[Target] = (Direct(), Lodestar(), Paid(), TensorZero(), LiteLLM(), Portkey())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep the raw data, print the tables."""
    wished = _arguments().parse_args(arguments)
    if wished.page:
        old = json.loads(wished.page.read_text("utf-8"))
        page.write({**old, "figures": figures(old)})
        return 0
    random.seed(wished.seed)
    targets = _chosen(wished.only)
    if wished.before:
        tree = wished.before.resolve(strict=True)
        targets += [Lodestar(tree), Paid(tree)]
    before = machine()
    with fake_upstream() as upstream:
        raw = measure(targets, upstream, _sizes(wished))
    run = {**_facts(wished, before, targets), **raw}
    run["figures"] = figures(run)
    file = _keep(run)
    print(f"\n{page.conditions(run)}\n\n{report.everything(run['labels'], run['figures'])}")
    print(f"\nraw data: {file.relative_to(ROOT)}")
    print(f"into docs/explanation/speed.md: scripts/bench gateways --page {file.relative_to(ROOT)}")
    return 0


def _arguments() -> argparse.ArgumentParser:
    names = ", ".join(target.name for target in TARGETS)
    parser = argparse.ArgumentParser(prog="scripts/bench gateways")
    parser.add_argument("--only", help=f"comma-separated beginnings of: {names}")
    parser.add_argument("--quick", action="store_true", help="about two minutes")
    parser.add_argument("--before", type=Path, help="also measure us as of this other tree")
    parser.add_argument("--rounds", type=int, help="rounds (7; quick: 3)")
    parser.add_argument("--scale", type=float, help="part of the requests (1; quick: 0.4)")
    parser.add_argument(
        "--memory", type=int, help="requests to us for memory (100000; quick: 2000)"
    )
    parser.add_argument("--memory-others", type=int, help="to the others (3000; quick: 300)")
    parser.add_argument("--starts", type=int, help="starts to time (3; quick: 1)")
    parser.add_argument("--page", type=Path, help="write the figures of this raw data to the page")
    parser.add_argument("--seed", type=int, default=1, help="of the order")
    return parser


def _sizes(wished: argparse.Namespace) -> Sizes:
    quick = wished.quick
    return sizes(
        rounds=wished.rounds or (3 if quick else 7),
        scale=wished.scale or (0.4 if quick else 1),
        memory=wished.memory or (2000 if quick else 100_000),
        memory_few=wished.memory_others or (300 if quick else 3000),
        starts=wished.starts or (1 if quick else 3),
    )


def _chosen(only: str | None) -> list[Target]:
    wanted = tuple(only.split(",")) if only else ("",)
    return [one for one in TARGETS if one.name == "direct" or one.name.startswith(wanted)]


def _facts(
    wished: argparse.Namespace, before: dict[str, Any], targets: Sequence[Target]
) -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "arguments": {name: str(value) for name, value in vars(wished).items()},
        "machine": {**before, "load_after": machine()["load"], "python": platform.python_version()},
        "commit": _commit(),
        "labels": {target.name: target.label for target in targets},
    }


def _commit() -> str:
    """What was measured; `+` where files have changed since."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, check=False
    )
    return described.stdout.decode().strip()


def _keep(run: dict[str, Any]) -> Path:
    BUILD.mkdir(parents=True, exist_ok=True)
    stamp = run["date"].removesuffix(" UTC").replace(" ", "-").replace(":", "")
    file = BUILD / f"gateways-{stamp}.json"
    file.write_text(json.dumps(run), "utf-8")
    return file


if __name__ == "__main__":
    sys.exit(main())
