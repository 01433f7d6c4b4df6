"""Random identifiers: words, made-up words, camelCase, digits, one letter."""

import keyword
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from lodestar.modules.learning.demo import words

_VOWELS = "aeiou"
_CONSONANTS = "bcdfghjklmnprstvwxz"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TAKEN = frozenset(keyword.kwlist) | frozenset(
    [
        "print",
        "len",
        "str",
        "int",
        "float",
        "list",
        "dict",
        "set",
        "range",
        "sum",
        "min",
        "max",
        "abs",
        "sorted",
        "enumerate",
        "zip",
        "any",
        "all",
        "open",
        "super",
        "object",
        "type",
        "bool",
        "tuple",
        "isinstance",
        "map",
        "filter",
        "next",
        "iter",
        "round",
        "repr",
        "format",
        "input",
        "id",
        "self",
        "cls",
        "args",
        "kwargs",
        "match",
        "case",
        "hash",
        "sum",
        "pow",
    ]
)


@dataclass(frozen=True)
class Namer:
    """Draws identifiers from one word list."""

    random: Random
    words: Sequence[str] = words.TRAIN
    made_up: float = 0.08
    """The share of words that are no words."""
    pool: list[str] = field(default_factory=list)
    reuse: float = 0.0
    """The share of words that were drawn before, kept in `pool`: real code repeats its words."""
    pieces: Sequence[str] = ()
    """The tokens of the vocabulary: a made-up word is a few of them, each as likely as any other,
    so that none is left untrained."""

    def word(self) -> str:
        """One lower-case word, a real or a made-up one."""
        if self.reuse and self.pool and self.random.random() < self.reuse:
            return self.random.choice(self.pool)
        word = self._draw()
        self.pool.append(word)
        return word

    def _draw(self) -> str:
        draw = self.random.random()
        if draw < 1 - self.made_up:
            return self.random.choice(self.words)
        if self.pieces and draw < 1 - self.made_up / 4:
            count = self.random.choice((1, 2, 2, 3, 3, 4))
            return "".join(self.random.choices(self.pieces, k=count))
        if draw < 1 - self.made_up / 2:
            return self._splice()
        return self._syllables() if draw < 1 - self.made_up / 6 else self._letters()

    def function(self) -> str:
        """A name in one of the styles functions and variables have."""
        draw = self.random.random()
        if draw < 0.4:
            return self._free(self.word())
        if draw < 0.94:
            return self._free(f"{self.word()}_{self.word()}")
        if draw < 0.96:
            return self.word() + self.word().capitalize()
        if draw < 0.98:
            return f"{self.word()}{self.random.choice(['', '_'])}{self.random.randint(0, 99)}"
        return "_" + self.word()

    def variable(self) -> str:
        """A short name, often a single letter or word."""
        draw = self.random.random()
        if draw < 0.2:
            return self.random.choice(_LETTERS)
        return self._free(self.word()) if draw < 0.75 else self.function()

    def class_(self) -> str:
        """A name in CapWords."""
        name = self.word().capitalize()
        return name + self.word().capitalize() if self.random.random() < 0.6 else name

    def constant(self) -> str:
        """A name in capitals."""
        name = self.word().upper()
        return f"{name}_{self.word().upper()}" if self.random.random() < 0.5 else name

    def _splice(self) -> str:
        """The start of one word and the end of another: tokens no whole word needs."""
        first, second = self.random.choices(self.words, k=2)
        cut = self.random.randint(1, len(first)), self.random.randint(0, len(second) - 1)
        return first[: cut[0]] + second[cut[1] :]

    def _syllables(self) -> str:
        pick = self.random.choice
        pieces = [pick(_CONSONANTS) + pick(_VOWELS) for _ in range(self.random.randint(1, 4))]
        return "".join(pieces) + self.random.choice(["", pick(_CONSONANTS)])

    def _letters(self) -> str:
        return "".join(self.random.choices(_LETTERS, k=self.random.randint(3, 7)))

    def _free(self, name: str) -> str:
        return f"{name}_" if name in _TAKEN else name


def is_usable(name: str) -> bool:
    """Whether `name` is an identifier that hides no keyword or common builtin."""
    return name.isidentifier() and name not in _TAKEN


def relative(namer: Namer, name: str) -> str:
    """A different name that shares a part with `name`, the kind that is easy to confuse."""
    forms = (
        f"{name}_{namer.word()}",
        f"{namer.word()}_{name.lstrip('_')}",
        f"{name}s",
        f"_{name}",
        f"{name}{namer.random.randint(1, 9)}",
        f"{name}_all",
        f"get_{name.lstrip('_')}",
    )
    return namer.random.choice(forms)
