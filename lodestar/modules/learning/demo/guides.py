"""Where the heads of the demo model should look while it is trained.

A network this small finds out by itself how to copy a file only after very many examples. So
training shows it: for each token of a generated conversation the generator knows which earlier
token an edit needs there, and named heads are rewarded for looking at it. The guides are used in
training only; the finished model is an ordinary llama.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lodestar.modules.learning.demo.alignment import Edit, edits
from lodestar.modules.learning.demo.conversations import Conversation
from lodestar.modules.learning.demo.runs import Tokens
from lodestar.modules.learning.demo.tasks import Task

HEADS = {
    "before": (1, 0),
    "first": (1, 1),
    "line": (1, 2),
    "function": (1, 3),
    "earlier": (2, 0),
    "above": (2, 1),
    "copy": (3, 0),
    "ahead": (3, 1),
    "definition": (3, 2),
    "fetch": (3, 3),
    "same": (4, 0),
    "other": (4, 0),
    "within": (4, 1),
    "without": (4, 1),
    "request": (4, 2),
    "inside": (4, 3),
    "resume": (5, 0),
    "new": (5, 1),
}
"""Name of a guide: the (layer, head) it is for."""

FREE = -1
"""The target of a look that may go anywhere."""
SAYING = ("copy", "request", "inside", "resume", "new")
"""Guides whose heads say the token they look at."""
NOTING = ("ahead", "definition", "fetch")
"""Guides whose heads note which name ends where they look.

Where these, and in the answer the ones above, have nothing to look at, they are shown to look at
the first token of all, which says nothing: `batches.tensors` sees to that.
"""
Look = tuple[str, int, int]
"""(guide, position, target position)"""


def always(tokens: Tokens) -> Iterator[Look]:
    """Looks within the text around each token.

    They go to what stands before its name, to its name's start, to the end of the last line and
    to the name of the function that it is in. Two heads look there again one layer up, and so see
    what those places have seen: the name before the name, and the line above the last line.
    """
    yield from _names_around(tokens)
    line, function = -1, -1
    for number, inside in enumerate(tokens.run):
        if inside and tokens.is_defined(number):
            function = number
        elif tokens.text.startswith("<|", tokens.begins[number]):
            function = -1
        if line >= 0:
            yield "line", number, line
            yield "above", number, line
        if function >= 0:
            yield "function", number, function
        if tokens.has_break(number):
            line = number


def _names_around(tokens: Tokens) -> Iterator[Look]:
    for number, inside in enumerate(tokens.run):
        near = number if inside else number - 1
        if near >= 0:
            before = tokens.outside[near]
            yield "before", number, before
            yield "earlier", number, before
            if tokens.run[near]:
                yield "first", number, before + 1


@dataclass(frozen=True)
class Names:
    """Where the request and the answer's first sentence name the old and the new name."""

    old_asked: int | None
    new_asked: int | None
    old_said: int
    new_said: int | None
    """Token positions of each name's first token."""


def names(tokens: Tokens, task: Task, request: int, prompt: int) -> Names | None:
    """Find the names; None where the first sentence does not start a token where it should."""
    said = tokens.text.index("`", prompt) + 1
    old_said = tokens.at.get(said)
    new_said = tokens.at.get(said + len(task.old) + len("` to `")) if task.new else None
    if old_said is None or (task.new and new_said is None):
        return None
    asked = [_asked(tokens, name, request, prompt) for name in (task.old, task.new)]
    return Names(asked[0], asked[1], old_said, new_said)


def _asked(tokens: Tokens, name: str, request: int, prompt: int) -> int | None:
    if not name:
        return None
    found = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(tokens.text, request, prompt)
    return tokens.at.get(found.start()) if found else None


def _first_sentence(tokens: Tokens, found: Names) -> Iterator[Look]:
    for asked, said in ((found.old_asked, found.old_said), (found.new_asked, found.new_said)):
        if asked is None or said is None:
            continue
        yield "request", said - 1, asked
        for step in range(1, tokens.end_of_run(said) - said):
            yield "inside", said + step - 1, asked + step
    if found.new_said is not None:
        closed = tokens.end_of_run(found.old_said)
        for number in range(found.new_said, tokens.end_of_run(found.new_said) + 1):
            yield "fetch", number, closed
    yield "fetch", tokens.end_of_run(found.old_said), tokens.end_of_run(found.old_said)


def _copied(edit: Edit, found: Names, task: Task) -> Iterator[Look]:
    tokens = edit.tokens
    for number in edit.positions:
        here = number - 1
        source, last = edit.source(number), edit.source(here)
        swap = edit.swapped.get(tokens.begins[number])
        start = tokens.at.get(swap) if swap is not None else source
        if start is not None and last == start - 1:
            yield "copy", here, start
            if tokens.run[start] and not tokens.run[start - 1]:
                yield from _candidate(tokens, here, tokens.end_of_run(start), found, task)
            if swap is not None and found.new_said is not None:
                yield "new", here, found.new_said
        elif edit.inserted and tokens.begins[number] == edit.inserted[0]:
            yield "copy", here, FREE
        if source is not None and last != source - 1:
            yield "resume", here, source


def _candidate(tokens: Tokens, here: int, end: int, found: Names, task: Task) -> Iterator[Look]:
    """A name comes next in the file: which is it, and is it the old one?"""
    yield "ahead", here, end
    if found.new_said is not None:
        same = tokens.name(end) == task.old
        yield ("same", here, found.new_said) if same else ("other", here, end)


def _new_names(edit: Edit, found: Names) -> Iterator[Look]:
    tokens = edit.tokens
    if found.new_said is None:
        return
    size = tokens.end_of_run(found.new_said) - found.new_said
    for place in edit.swapped:
        begin = tokens.at.get(place)
        if begin is None:
            continue
        for step in range(1, size + 1):
            yield "inside", begin + step - 1, found.new_said + step


def _said_name(edit: Edit, found: Names, task: Task) -> Iterator[Look]:
    """Inside an inserted line each piece of the name comes from the answer's first sentence."""
    if edit.inserted is None:
        return
    tokens = edit.tokens
    shown = task.old if task.kind == "trace" else task.old.strip("_").replace("_", " ")
    left = len(task.old) - len(task.old.lstrip("_")) if task.kind == "docstring" else 0
    here = tokens.text.find(shown, *edit.inserted)
    said = tokens.begins[found.old_said] + left
    for step in range(len(shown) if here >= 0 else 0):
        number, target = tokens.at.get(here + step), tokens.at.get(said + step)
        if number is not None and target is not None:
            yield "inside", number - 1, target


def _definitions(edit: Edit, found: Names, task: Task) -> Iterator[Look]:
    """At the end of each line: which function is it in, and is it the one that is meant?"""
    tokens = edit.tokens
    closed = tokens.end_of_run(found.old_said)
    end = None
    for number in edit.positions:
        if tokens.run[number] and tokens.is_defined(number):
            end = tokens.end_of_run(number)
        if end is None or end > number or not tokens.has_break(number):
            continue
        yield "definition", number, end
        same = tokens.name(end) == task.old
        yield ("within", number, closed) if same else ("without", number, end)


def looks(tokens: Tokens, conversation: Conversation, request: int, prompt: int) -> Iterator[Look]:
    """Every look of a conversation.

    `request` is where the last user message begins in the text and `prompt` where the prompt ends.
    """
    yield from always(tokens)
    yield from _edit_looks(tokens, conversation, request, prompt)


def _edit_looks(
    tokens: Tokens, conversation: Conversation, request: int, prompt: int
) -> Iterator[Look]:
    task = conversation.task
    found = None
    for edit in edits(tokens, conversation, prompt):
        assert task is not None
        found = found or names(tokens, task, request, prompt)
        if found is None:
            return
        yield from _of_edit(edit, found, task)
    if found is not None:
        yield from _first_sentence(tokens, found)


def _of_edit(edit: Edit, found: Names, task: Task) -> Iterator[Look]:
    yield from _copied(edit, found, task)
    yield from _new_names(edit, found)
    yield from _definitions(edit, found, task)
    yield from _said_name(edit, found, task)
