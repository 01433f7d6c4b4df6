"""The recipe of the demo model: what datasets/demo-model/recipe.yaml says, typed."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from lodestar.modules.learning.demo.batches import Stage
from lodestar.modules.learning.demo.shape import Shape


@dataclass(frozen=True)
class Recipe:
    """Seeds, sizes and stages of a training run."""

    seed: int
    tokenizer_conversations: int
    shape: Shape
    stages: tuple[Stage, ...]
    digest: str

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a recipe; an unknown key raises TypeError."""
        raw = path.read_bytes()
        data: dict[str, Any] = yaml.safe_load(raw)
        stages = tuple(_stage(one) for one in data.pop("stages"))
        shape = Shape(**data.pop("shape"))
        return cls(shape=shape, stages=stages, digest=hashlib.sha256(raw).hexdigest(), **data)

    def with_steps(self, short: int | None, full: int | None) -> "Recipe":
        """The recipe with other step counts for its first stage and for the later ones."""
        first, *later = self.stages
        first = replace(first, steps=short) if short is not None else first
        changed = [replace(one, steps=full) if full is not None else one for one in later]
        return replace(self, stages=(first, *changed))


def _stage(data: dict[str, Any]) -> Stage:
    return Stage(**{**data, "shares": tuple(sorted(data["shares"].items()))})
