"""Batches of conversations of similar length, with the loss on the answer only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lodestar.modules.learning.demo import plain, programs, tokenizer
from lodestar.modules.learning.demo.conversations import Conversation, Talk, mix
from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.modules.learning.demo.tasks import TaskMaker

Encoded = tuple[list[int], list[int]]
IGNORED = -100


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
    decay: float = 0.3
    plain: float = 0.0
    made_up: float = 0.08


@dataclass(frozen=True)
class Batches:
    """Endless batches of one stage, drawn from one random state."""

    random: Random
    stage: Stage
    tokenizer: Any
    prompts: Prompts

    def __iter__(self) -> Iterator[Any]:
        """Yield (ids, labels), both of shape (conversations, tokens), as torch tensors."""
        talk = Talk(self.random, self.prompts, self._maker())
        while True:
            pool = sorted((self._draw(talk) for _ in range(256)), key=_length)
            groups = list(self._groups(pool))
            self.random.shuffle(groups)
            for group in groups:
                yield tensors(group)

    def _maker(self) -> TaskMaker:
        return TaskMaker(self.random, self._program, made_up=self.stage.made_up)

    def _program(self, rng: Random, size: int) -> programs.Program:
        if rng.random() < self.stage.plain:
            return plain.generate(rng, size)
        return programs.generate(rng, size)

    def _draw(self, talk: Talk) -> Encoded:
        while True:
            size = self.random.randint(0, self.stage.definitions)
            encoded = encode(self.tokenizer, mix(talk, self.stage.shares, size))
            if _length(encoded) <= self.stage.longest:
                return encoded

    def _groups(self, pool: Sequence[Encoded]) -> Iterator[list[Encoded]]:
        group: list[Encoded] = []
        for one in pool:
            if (len(group) + 1) * _length(one) > self.stage.tokens_per_batch and group:
                yield group
                group = []
            group.append(one)


def encode(made: Any, conversation: Conversation) -> Encoded:
    """Token ids of the prompt and of the answer with its end token."""
    prompt = made.encode(tokenizer.render(conversation.messages)).ids
    return prompt, made.encode(conversation.answer + tokenizer.END).ids


def tensors(group: Sequence[Encoded]) -> Any:
    """(ids, labels) padded on the right; labels hold the answer's tokens only."""
    import torch

    width = max(_length(one) for one in group)
    ids = torch.zeros((len(group), width), dtype=torch.long)
    labels = torch.full((len(group), width), IGNORED)
    for row, (prompt, answer) in enumerate(group):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : end] = torch.tensor(answer)
    return ids, labels


def _length(one: Encoded) -> int:
    return len(one[0]) + len(one[1])
