"""A program with a seam that fails: `python -m tests.faults.process SEAM PLAN BELOW MODULE ...`.

PLAN is the folder of a `FilePlan`, BELOW the folder whose files count, MODULE the program, with
its arguments after it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.faults.seams import FilePlan, installed

ROOT = Path(__file__).parents[2]


def command(seam: str, plan: FilePlan, below: Path, module: str) -> tuple[str, ...]:
    """The command line for a program that fails as the plan says; arguments follow it."""
    names = (seam, str(plan.folder), str(below), module)
    return (sys.executable, "-m", "tests.faults.process", *names)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the program needs to find this package from any folder."""
    return {**environ, "PYTHONPATH": str(ROOT)}


def main() -> None:
    """Install the seam, then become the program."""
    seam, plan, below, module, *rest = sys.argv[1:]
    sys.argv = [module, *rest]
    with installed(seam, FilePlan(Path(plan)), Path(below)):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
