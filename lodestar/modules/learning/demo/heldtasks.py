"""The held-out tasks: unseen names in plain files, on new shapes, dense ones, new phrasings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from lodestar.modules.learning.demo import heldout, plain, programs, requests, words
from lodestar.modules.learning.demo.conversations import Conversation, diff, subject
from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.modules.learning.demo.tasks import KINDS, Task, TaskMaker

COLUMNS = ("plain files", "new shapes", "dense files", "new phrasings")
_GENERATORS = {"new shapes": heldout.generate, "dense files": programs.generate}
_SEED = 20261122


@dataclass(frozen=True)
class Case:
    """One held-out task as a conversation."""

    kind: str
    column: str
    task: Task
    conversation: Conversation

    def is_right(self, answer: str) -> bool:
        """Whether the answer is exact (a commit message word for word, a decline without files)."""
        if self.kind == "commit":
            return answer.strip() == self.conversation.answer
        return self.task.is_right(answer)


def cases(prompts: Prompts, count: int) -> Iterator[Case]:
    """`count` cases of each kind and column, the same at every call."""
    for column in COLUMNS:
        for kind in KINDS:
            if (column, kind) == ("new phrasings", "commit"):
                continue
            yield from cell(prompts, column, kind, count)


def cell(prompts: Prompts, column: str, kind: str, count: int) -> Iterator[Case]:
    """`count` cases of one kind in one column; more of them begin with the same ones."""
    rng = Random(f"{_SEED} {column} {kind}")
    for _ in range(count):
        yield _case(prompts, maker(rng, column), kind, column)


def maker(rng: Random, column: str) -> TaskMaker:
    """The maker of a column's tasks; its names come from the held-out words."""
    generator = _GENERATORS.get(column, plain.generate)
    phrase = requests.unseen if column == "new phrasings" else requests.served
    return TaskMaker(rng, generator, words.HELD_OUT, phrase)


def _case(prompts: Prompts, tasks: TaskMaker, kind: str, column: str) -> Case:
    size = tasks.random.randint(0, 1)
    if kind == "commit":
        task = tasks.edit(tasks.random.choice(("rename", "docstring", "trace")), size)
        said = f"\nUSER: {task.request}\n\nASSISTANT: {task.answer}\n"
        return Case(
            kind, column, task, Conversation(prompts.commit(said, diff(task)), subject(task))
        )
    task = _declined(tasks, size) if kind == "decline" else tasks.edit(kind, size)
    return Case(
        kind, column, task, Conversation(prompts.edit(task.files, task.request), task.answer)
    )


def _declined(tasks: TaskMaker, size: int) -> Task:
    task = tasks.decline(size)
    if tasks.phrase is not requests.unseen:
        return task
    return replace(task, request=requests.unseen(tasks.random, "decline").format(old=task.old))
