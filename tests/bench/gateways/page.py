"""The page that tells the last measurement: its tables are written by this file alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.gateways import report

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "speed.md"
# What the tables are made of; the raw data is too much to keep in a repository.
SUMMARY = Path(__file__).with_name("last_run.json")
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
KEPT = ("date", "commit", "machine", "arguments", "labels", "versions", "skipped", "figures")


def write(run: Mapping[str, Any]) -> None:
    """Put the figures of this run into the summary and the page."""
    kept = {name: run[name] for name in KEPT}
    SUMMARY.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    PAGE.write_text(updated(PAGE.read_text("utf-8"), kept), "utf-8")


def updated(text: str, run: Mapping[str, Any]) -> str:
    """The page with the tables of this run."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables(run)}{END}{after}"


def tables(run: Mapping[str, Any]) -> str:
    """What stands between the marks."""
    everything = report.everything(run["labels"], run["figures"])
    left_out = "".join(
        f"\nNot measured: {run['labels'][name]}: {why.splitlines()[0]}\n"
        for name, why in run["skipped"].items()
    )
    return f"{conditions(run)}\n\n{everything}\n{left_out}"


def conditions(run: Mapping[str, Any]) -> str:
    """When, on what and of which versions."""
    machine = run["machine"]
    versions = sorted(set(run["versions"].values()))
    size = "quick" if run["arguments"].get("quick") == "True" else "full"
    return (
        f"{run['date']}, {size} run, commit {run['commit']}; {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}, load "
        f"{machine['load']:.1f} before and {machine['load_after']:.1f} after; "
        f"{', '.join(versions)}."
    )
