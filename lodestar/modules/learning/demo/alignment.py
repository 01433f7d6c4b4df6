"""Which token of an answer was copied from which token of the prompt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lodestar.modules.learning.demo.conversations import Conversation
from lodestar.modules.learning.demo.prompts import listing
from lodestar.modules.learning.demo.runs import Tokens
from lodestar.modules.learning.demo.tasks import EDIT_KINDS

_PIECES = re.compile(r"\w+|\W+")


@dataclass(frozen=True)
class Edit:
    """One file's listing in the prompt and in the answer, character by character."""

    tokens: Tokens
    origin: dict[int, int]
    """Where a copied character of the answer came from, both as places in the text."""
    swapped: dict[int, int]
    """Where a new name begins in the answer: where the old one begins in the prompt."""
    begin: int
    end: int
    inserted: tuple[int, int] | None = None

    @property
    def positions(self) -> range:
        """The answer's tokens of this listing."""
        at = self.tokens.at
        first = at.get(self.begin)
        last = at.get(self.end)
        return range(first, last) if first is not None and last is not None else range(0)

    def source(self, number: int) -> int | None:
        """The prompt's token that a token of the answer copies."""
        place = self.origin.get(self.tokens.begins[number])
        return None if place is None else self.tokens.at.get(place)


def edits(tokens: Tokens, conversation: Conversation, prompt: int) -> Iterator[Edit]:
    """The listings of an edit's answer; `prompt` is the length of the prompt's text."""
    task = conversation.task
    if task is None or task.kind not in EDIT_KINDS:
        return
    sources = {one.path: one.source for one in task.files}
    for path, after in task.expected.items():
        old, new = listing(path, sources[path]), listing(path, after)
        before = tokens.text.rindex(old, 0, prompt)
        begin = tokens.text.index(new, prompt)
        yield (_swap if task.kind == "rename" else _insert)(tokens, old, new, before, begin)


def _swap(tokens: Tokens, old: str, new: str, before: int, begin: int) -> Edit:
    origin: dict[int, int] = {}
    swapped: dict[int, int] = {}
    here, there = begin, before
    for was, now in zip(_PIECES.findall(old), _PIECES.findall(new), strict=True):
        if was == now:
            origin.update((here + step, there + step) for step in range(len(now)))
        else:
            swapped[here] = there
        here, there = here + len(now), there + len(was)
    return Edit(tokens, origin, swapped, begin, begin + len(new))


def _insert(tokens: Tokens, old: str, new: str, before: int, begin: int) -> Edit:
    was, now = old.split("\n"), new.split("\n")
    line = next(number for number, one in enumerate(now) if was[number] != one)
    size = len(now[line]) + 1
    start = _slide(tokens, old, new, before, begin, sum(len(one) + 1 for one in now[:line]))
    if start is None:
        return Edit(tokens, {}, {}, begin, begin)
    origin = {begin + step: before + step for step in range(start)}
    origin.update((begin + size + step, before + step) for step in range(start, len(old)))
    return Edit(tokens, origin, {}, begin, begin + len(new), (begin + start, begin + start + size))


def _slide(tokens: Tokens, old: str, new: str, before: int, begin: int, start: int) -> int | None:
    """Where the inserted text begins so that tokens begin there too.

    A line break and the spaces after it are one token, so the text inserted is, seen in tokens,
    the new line's words and the break after them.
    """
    found = None
    while start < len(old):
        if begin + start in tokens.at and before + start in tokens.at:
            found = start
        if old[start] != new[start]:
            return found
        start += 1
    return found
