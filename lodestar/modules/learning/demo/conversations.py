"""Whole conversations: a task wrapped in what Aider sends, and the answer expected."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from lodestar.modules.learning.demo import requests
from lodestar.modules.learning.demo.prompts import ENGLISH, Message, Prompts, listing
from lodestar.modules.learning.demo.tasks import DECLINED, Task, TaskMaker

_LANGUAGES = (
    "",
    "",
    "",
    "German",
    "French",
    "Spanish",
    "en",
    "Italian",
    "Dutch",
    "Polish",
    "Japanese",
)
"""What Aider takes the user's language for, where it is not English; often it finds none."""
_SUBJECTS = {
    "rename": "refactor: rename {old} to {new}",
    "docstring": "docs: add a docstring to {old}",
    "trace": "feat: add a print to {old}",
}


@dataclass(frozen=True)
class Conversation:
    """Messages up to the request, and the answer to learn."""

    messages: list[Message]
    answer: str
    task: Task | None = None
    """The edit that is asked for, if one is."""


def subject(task: Task) -> str:
    """The commit message for an edit task."""
    return _SUBJECTS[task.kind].format(old=task.old, new=task.new)


def diff(task: Task) -> str:
    """The edit as `git diff` shows it."""
    before = {one.path: one.source for one in task.files}
    parts = [_file_diff(path, before[path], after) for path, after in task.expected.items()]
    return "\n".join(parts)


def _file_diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.split("\n")[:-1], after.split("\n")[:-1], f"a/{path}", f"b/{path}", lineterm=""
    )
    return f"diff --git a/{path} b/{path}\nindex 0a1b2c3..4d5e6f7 100644\n" + "\n".join(lines)


def _hash(rng: Random) -> str:
    return f"{rng.getrandbits(28):07x}"


@dataclass(frozen=True)
class Talk:
    """Wraps tasks into conversations."""

    random: Random
    prompts: Prompts
    maker: TaskMaker
    history: float = 0.05
    """The share of edits and declined requests that come after an earlier turn."""

    def of(self, task: Task) -> Conversation:
        """An edit or a declined request, as Aider sends it."""
        history = self._history(task) if self.random.random() < self.history else []
        build = self.prompts.edit
        if task.kind == "decline" and self.random.random() < 0.3:
            build = self.prompts.ask
        messages = build(task.files, task.request, history, self._language())
        return Conversation(messages, task.answer, task)

    def commit(self, size: int) -> Conversation:
        """A request for a commit message, mostly after one of the model's own edits."""
        task = self.maker.edit(self.random.choice(("rename", "rename", "docstring", "trace")), size)
        changes = diff(task).replace(
            "0a1b2c3..4d5e6f7", f"{_hash(self.random)}..{_hash(self.random)}"
        )
        draw = self.random.random()
        answer = subject(task)
        if draw < 0.55:
            context = _said(task.request, task.answer)
        elif draw < 0.8 or task.kind != "rename":
            context, answer = self._other_work(task)
        else:
            context = ""
        return Conversation(self.prompts.commit(context, changes, self._language()), answer)

    def _language(self) -> str:
        return self.random.choice(_LANGUAGES) if self.random.random() < 0.25 else ENGLISH

    def _other_work(self, task: Task) -> tuple[str, str]:
        """Somebody else's edit: the subject can only name the file."""
        wish = requests.declined(self.random).replace("{old}", task.old)
        wish = wish.replace("{new}", task.new or "it").replace("{path}", task.files[0].path)
        path, source = next(iter(task.expected.items()))
        return _said(wish, f"I changed it.\n\n{listing(path, source)}"), f"chore: update {path}"

    def _history(self, task: Task) -> list[Message]:
        """An earlier turn: one that was declined, or one that led to the present file."""
        draw = self.random.random()
        if draw < 0.4 or not task.files:
            wish = requests.declined(self.random).replace("{old}", task.old)
            wish = wish.replace("{new}", task.new or "it").replace("{path}", "it")
            return [{"role": "user", "content": wish}, {"role": "assistant", "content": DECLINED}]
        earlier = self.maker.edit("rename", 0)
        if draw < 0.7:
            earlier = _leading_to(task, earlier)
        return [
            {"role": "user", "content": earlier.request},
            {"role": "assistant", "content": earlier.answer},
            *self.prompts.committed(_hash(self.random), subject(earlier)),
        ]


def _leading_to(task: Task, earlier: Task) -> Task:
    """The rename that made `task.old`, so that its answer shows the present file."""
    request = earlier.request.replace(earlier.new, task.old)
    present = {one.path: one.source for one in task.files}
    return Task("rename", (), request, earlier.old, task.old, present)


def _said(request: str, answer: str) -> str:
    return f"\nUSER: {request}\n\nASSISTANT: {answer}\n"


def mix(talk: Talk, shares: Sequence[tuple[str, float]], size: int) -> Conversation:
    """A conversation of a random kind; `shares` are (kind, weight) pairs."""
    kinds = [kind for kind, _ in shares]
    kind = talk.random.choices(kinds, [weight for _, weight in shares])[0]
    if kind == "commit":
        return talk.commit(size)
    if kind == "decline":
        return talk.of(talk.maker.decline(min(size, 1)))
    return talk.of(talk.maker.edit(kind, size))
