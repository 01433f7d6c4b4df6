"""A text cut into tokens, and which of them make up names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_RUN = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Tokens:
    """A conversation's tokens: where each begins in the text, and which belong to a name."""

    text: str
    begins: Sequence[int]
    run: list[bool] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)
    """For each token the last one up to it that belongs to no name."""
    at: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, begins: Sequence[int]) -> "Tokens":
        """Work out the runs."""
        ends = [*begins[1:], len(text)]
        run = [bool(_RUN.fullmatch(text, a, b)) for a, b in zip(begins, ends, strict=True)]
        outside, last = [], 0
        for number, inside in enumerate(run):
            last = last if inside else number
            outside.append(last)
        return cls(text, begins, run, outside, {a: k for k, a in enumerate(begins)})

    def has_break(self, position: int) -> bool:
        """Whether the token has a line break in it."""
        last = position + 1 == len(self.begins)
        end = len(self.text) if last else self.begins[position + 1]
        return "\n" in self.text[self.begins[position] : end]

    def is_defined(self, position: int) -> bool:
        """Whether the token is the first of a name that is being defined as a function."""
        begin = self.begins[position]
        return self.text[begin - 4 : begin] == "def "

    def name(self, terminator: int) -> str:
        """The name that ends before this token; empty when none does."""
        start = self.outside[terminator - 1] + 1
        return self.text[self.begins[start] : self.begins[terminator]]

    def end_of_run(self, position: int) -> int:
        """The first token from `position` on that belongs to no name."""
        while position < len(self.run) and self.run[position]:
            position += 1
        return position
