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
    bfloat16: bool
    """Whether products are computed in bfloat16: faster where the processor has instructions."""
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

    def with_steps(self, steps: int | None) -> "Recipe":
        """The recipe with another length for every stage: a trial run."""
        if steps is None:
            return self
        return replace(self, stages=tuple(replace(one, steps=steps) for one in self.stages))


def _stage(data: dict[str, Any]) -> Stage:
    return Stage(**{**data, "shares": tuple(sorted(data["shares"].items()))})
