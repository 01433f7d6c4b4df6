"""One exchange, as it is read when it is opened: what was asked, answered and committed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.cli.exchange_text import exchange_text
from lodestar.commits import show_commit
from lodestar.log import show_exchange
from lodestar.modules.usage_tracker.dashboard.ledger import Glance
from lodestar.modules.usage_tracker.reports.words import dollars
from lodestar.terminal import printable

MOST = 100_000
"""A longer text is cut: a prompt may hold whole files."""
DIFF_S = 5.0
_CHARGES = """
SELECT alias, billing, cash_nano, list_nano, avoided_nano, avoided_alias, usage_source, corrects
FROM charges WHERE exchange_id = ? ORDER BY id
"""


@dataclass(frozen=True)
class Told:
    """The parts of an exchange as printable text; `commits` are looked at apart."""

    id: str
    facts: str
    answer: str
    prompt: str
    root: Path | None
    commits: tuple[str, ...]


def told(glance: Glance, id: str, zone: str | None) -> Told | None:
    """Read it; None where it was purged."""
    if glance.row("SELECT 1 FROM exchanges WHERE id = ?", (id,)) is None:
        return None
    found = show_exchange(glance, id)
    facts = exchange_text({**found, "prompt": [], "answer": []}, zone)
    commits = (signal["commit_hash"] for signal in found["signals"] if signal["type"] == "commit")
    return Told(
        id,
        # Its first line is its name.
        printable("\n".join([*facts.rstrip().split("\n")[1:], *_money(glance, id)])),
        _texts(found["answer"], id),
        _texts(found["prompt"], id),
        Path(found["project_root"]) if found["project_root"] else None,
        tuple(dict.fromkeys(commit for commit in commits if commit)),
    )


def diff(found: Told) -> str:
    """What its commits changed. It asks git, which may take a moment."""
    if not found.commits:
        return "(no commit was made of it)"
    if found.root is None or not found.root.is_dir():
        return "(its repository is not there any more)"
    shown = (show_commit(found.root, commit, DIFF_S).rstrip() for commit in found.commits)
    return _cut("\n\n".join(shown), f"git show {found.commits[0]}")


def _money(glance: Glance, id: str) -> Iterator[str]:
    for row in glance.rows(_CHARGES, (id,)):
        if row["billing"] != "payg":
            avoided = row["avoided_nano"]
            than = f" ({row['avoided_alias']})" if row["avoided_alias"] else ""
            more = f", avoided {dollars(avoided)}{than}" if avoided else ""
            yield f"cost     free{more}"
            continue
        worst = ", the worst case: nobody said what was used"
        assumed = worst if row["usage_source"] == "worst_case" else ""
        unpriced = ", it has no price" if row["list_nano"] is None else ""
        name = "correction" if row["corrects"] else "cost"
        yield f"{name:8} {dollars(row['cash_nano'])} ({row['alias']}{unpriced}{assumed})"


def _texts(messages: list[dict[str, Any]], id: str) -> str:
    many = len(messages) > 1
    parts = [
        (f"[{message['role']}]\n" if many else "")
        + (f"(not kept, {message['bytes']} bytes)" if message["text"] is None else message["text"])
        for message in messages
    ]
    return _cut(printable("\n\n".join(parts)) or "(nothing)", f"lodestar log show {id}")


def _cut(text: str, command: str) -> str:
    if len(text) <= MOST:
        return text
    return f"{text[:MOST]}\n... {len(text) - MOST:,} more characters: {command}"
