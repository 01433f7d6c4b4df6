"""Write datasets/eval/demo-tasks.jsonl: `python -m lodestar.modules.learning.demo.heldfile`."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from lodestar.modules.learning.demo.heldtasks import COLUMNS, maker
from lodestar.modules.learning.demo.tasks import Task

_COUNTS = {"rename": 30, "docstring": 12, "trace": 12}
_SEED = "demo-tasks 1"


def rows() -> Iterator[dict[str, str]]:
    """The tasks as the JSONL file holds them; each has one file."""
    for column in COLUMNS[:2]:
        for kind, count in _COUNTS.items():
            rng = Random(f"{_SEED} {column} {kind}")
            found = 0
            while found < count:
                task = maker(rng, column).edit(kind, rng.randint(0, 1))
                if len(task.files) == 1:
                    found += 1
                    yield _row(task, column)


def _row(task: Task, column: str) -> dict[str, str]:
    one = task.files[0]
    return {
        "kind": task.kind,
        "shapes": column.split(" ", maxsplit=1)[0],
        "path": one.path,
        "source": one.source,
        "instruction": task.request,
        "expected": task.expected[one.path],
    }


def main() -> None:
    """Write the file."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows()]
    Path("datasets/eval/demo-tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
