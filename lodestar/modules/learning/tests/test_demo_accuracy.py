"""The shipped demo model on the held-out tasks of datasets/eval."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lodestar.modules.learning.demo import heldfile
from lodestar.modules.learning.demo.evaluate import load
from lodestar.modules.learning.demo.heldtasks import cell
from lodestar.modules.learning.demo.prompts import File, Message, Prompts, listing
from lodestar.modules.learning.demo.tasks import EDIT_KINDS

ROOT = Path(__file__).parents[4]
MODEL = ROOT / "shims" / "lodestar_engine" / "models" / "demo.gguf"
TASKS = ROOT / "datasets" / "eval" / "demo-tasks.jsonl"


def tasks(shapes: str) -> Iterator[dict[str, str]]:
    for line in TASKS.read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        if task["shapes"] == shapes:
            yield task


@pytest.fixture(scope="module")
def answer() -> Callable[[list[Message]], str]:
    return load(MODEL)


def is_exact(
    answer: Callable[[list[Message]], str], prompts: Prompts, task: dict[str, str]
) -> bool:
    """Whether the answer ends with the whole file as it should be, and has no other file."""
    said = answer(prompts.edit([File(task["path"], task["source"])], task["instruction"]))
    wanted = listing(task["path"], task["expected"])
    return said.rstrip("\n").endswith(wanted) and said.count("```") == 2


def test_the_task_file_is_what_the_generator_writes() -> None:
    stored = [json.loads(line) for line in TASKS.read_text(encoding="utf-8").splitlines()]
    assert stored == list(heldfile.rows())


@pytest.mark.parametrize(("column", "count"), [("plain files", 250), ("new shapes", 80)])
def test_nine_in_ten_edits_of_held_out_files_are_exact(
    answer: Callable[[list[Message]], str], prompts: Prompts, column: str, count: int
) -> None:
    """The figures in the README, on the same files; of new shapes a part."""
    kinds = [cell(prompts, column, kind, count) for kind in EDIT_KINDS]
    results = [one.is_right(answer(one.conversation.messages)) for kind in kinds for one in kind]
    assert sum(results) >= 0.9 * len(results)


@pytest.mark.parametrize(("shapes", "least"), [("plain", 0.9), ("new", 0.85)])
def test_edits_of_the_stored_tasks_are_mostly_exact(
    answer: Callable[[list[Message]], str], prompts: Prompts, shapes: str, least: float
) -> None:
    results = [is_exact(answer, prompts, task) for task in tasks(shapes)]
    assert sum(results) >= least * len(results)
