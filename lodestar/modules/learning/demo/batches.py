"""Batches of conversations of similar length, with the loss on the answer only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lodestar.modules.learning.demo import guides, loose, plain, programs, repeats, tokenizer
from lodestar.modules.learning.demo.conversations import Conversation, Talk, mix
from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.modules.learning.demo.runs import Tokens
from lodestar.modules.learning.demo.tasks import TaskMaker

IGNORED = -100
_POOL = 256
_NUMBERS = {name: number for number, name in enumerate(guides.HEADS)}
_NOTING = [_NUMBERS[name] for name in guides.NOTING]
_SAYING = [_NUMBERS[name] for name in guides.SAYING]


@dataclass(frozen=True)
class Stage:
    """A stretch of training: how long the conversations get and which kinds they are."""

    steps: int
    longest: int
    definitions: int
    tokens_per_batch: int
    shares: tuple[tuple[str, float], ...]
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    last: float = 1.0
    """What the rates are multiplied with at the end of the stage."""
    plain: float = 0.0
    """The share of files that are small plain programs."""
    loose: float = 0.0
    """The share of renames in files that are no programs."""
    made_up: float = 0.08
    confusable: float = 0.04
    reuse: float = 0.0
    repeats: float = 0.0
    """The share of files in which lines or parts of them come again."""
    history: float = 0.05
    guide_weight: float = 0.0


@dataclass(frozen=True)
class Encoded:
    """Token ids of a prompt and of its answer with the end token, and where to look."""

    prompt: list[int]
    answer: list[int]
    looks: tuple[tuple[int, int, int], ...]
    """(number of the guide, position, target position)"""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class Batches:
    """Endless batches of one stage, drawn from one random state."""

    random: Random
    stage: Stage
    tokenizer: Any
    prompts: Prompts

    def __iter__(self) -> Iterator[Any]:
        """Yield (ids, labels, wanted) as torch tensors, as `tensors` describes them."""
        talk = Talk(self.random, self.prompts, self._maker(), self.stage.history)
        while True:
            pool = sorted((self._draw(talk) for _ in range(_POOL)), key=len)
            groups = list(self._groups(pool))
            self.random.shuffle(groups)
            for group in groups:
                yield tensors(group)

    def _maker(self) -> TaskMaker:
        return TaskMaker(
            self.random,
            self._program,
            made_up=self.stage.made_up,
            pieces=tokenizer.pieces(self.tokenizer),
            confusable=self.stage.confusable,
            reuse=self.stage.reuse,
            loose=self._loose if self.stage.loose else None,
            loose_share=self.stage.loose,
        )

    def _program(self, rng: Random, size: int) -> programs.Program:
        small = rng.random() < self.stage.plain
        return self._again(rng, (plain if small else programs).generate(rng, size))

    def _loose(self, rng: Random, size: int) -> programs.Program:
        return self._again(rng, loose.generate(rng, size))

    def _again(self, rng: Random, made: programs.Program) -> programs.Program:
        return repeats.repeated(rng, made) if rng.random() < self.stage.repeats else made

    def _draw(self, talk: Talk) -> Encoded:
        while True:
            size = self.random.randint(0, self.stage.definitions)
            encoded = encode(self.tokenizer, mix(talk, self.stage.shares, size))
            if len(encoded) <= self.stage.longest:
                return encoded

    def _groups(self, pool: Sequence[Encoded]) -> Iterator[list[Encoded]]:
        group: list[Encoded] = []
        for one in pool:
            if (len(group) + 1) * len(one) > self.stage.tokens_per_batch and group:
                yield group
                group = []
            group.append(one)
        yield group


def encode(made: Any, conversation: Conversation) -> Encoded:
    """A conversation as token ids."""
    prompt = tokenizer.render(conversation.messages)
    answer = conversation.answer + tokenizer.END
    asked, said = made.encode(prompt), made.encode(answer)
    begins = [begin for begin, _ in asked.offsets]
    begins += [len(prompt) + begin for begin, _ in said.offsets]
    request = prompt.rindex("<|user|>")
    looks = guides.looks(Tokens.of(prompt + answer, begins), conversation, request, len(prompt))
    numbered = ((_NUMBERS[name], position, target) for name, position, target in looks)
    return Encoded(asked.ids, said.ids, tuple(numbered))


def tensors(group: Sequence[Encoded]) -> Any:
    """(ids (B, T), labels (B, T), wanted (guides, B, T)), padded on the right.

    Labels hold the answer's tokens only; `wanted` is where a guided head should look, or -1.
    """
    import numpy
    import torch

    width = max(len(one) for one in group)
    ids = numpy.zeros((len(group), width), numpy.int64)
    labels = numpy.full((len(group), width), IGNORED)
    wanted = numpy.full((len(guides.HEADS), len(group), width), -1)
    for row, one in enumerate(group):
        ids[row, : len(one)] = one.prompt + one.answer
        labels[row, len(one.prompt) : len(one)] = one.answer
        numbers, positions, targets = zip(*one.looks, strict=True)
        if _NUMBERS["fetch"] in numbers:
            wanted[_NOTING, row, : len(one)] = 0
            wanted[_SAYING, row, len(one.prompt) - 1 : len(one) - 1] = 0
        wanted[numbers, row, positions] = targets
    return torch.from_numpy(ids), torch.from_numpy(labels), torch.from_numpy(wanted)
