"""Compare, and write the table: `python -m tests.comparison [--show]`."""

from __future__ import annotations

import difflib
import sys
import tempfile
from pathlib import Path

from tests.comparison.rows import Row, compare, in_page

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "inside-aider.md"


def main(arguments: list[str]) -> int:
    """Write the table, or with --show print what differs; 1 where it is not as declared."""
    with tempfile.TemporaryDirectory() as root:
        rows = compare(Path(root))
    for row in rows:
        if row.problem or "--show" in arguments:
            sys.stdout.write(
                f"\n{row.topic}: {row.problem or 'as declared'}\n{_differences(row)}\n"
            )
    wrong = sum(bool(row.problem) for row in rows)
    if not wrong and "--show" not in arguments:
        PAGE.write_text(in_page(PAGE.read_text("utf-8"), rows), "utf-8")
    sys.stdout.write(f"{len(rows)} rows, {wrong} not as declared\n")
    return int(bool(wrong))


def _differences(row: Row) -> str:
    ours, plain = row.ours.splitlines(), row.plain.splitlines()
    return "\n".join(difflib.unified_diff(plain, ours, "plain", "lodestar", lineterm="", n=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
