"""Train the demo model: `python -m lodestar.modules.learning.demo.train --out DIR`.

Needs the training environment of requirements/train.txt. A run that was stopped goes on with
`--resume` from its last checkpoint; the data a resumed run sees starts from a new seed, so it is
not repeated.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from lodestar.modules.learning.demo import (
    batches,
    checkpoint,
    guided,
    guides,
    model,
    programs,
    tokenizer,
)
from lodestar.modules.learning.demo.batches import Batches, Stage
from lodestar.modules.learning.demo.conversations import Talk, mix
from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.modules.learning.demo.recipe import Recipe
from lodestar.modules.learning.demo.tasks import TaskMaker

_REPORT_EVERY = 20
_SAVE_EVERY = 100
_WARM_UP = 30


def make_tokenizer(recipe: Recipe, prompts: Prompts, folder: Path) -> Any:
    """The run's tokenizer: read from the folder, or trained on generated conversations."""
    from tokenizers import Tokenizer

    stored = folder / "tokenizer.json"
    if stored.exists():
        return Tokenizer.from_file(str(stored))
    made = tokenizer.train(_texts(recipe, prompts), prompts.phrases(), recipe.shape.vocabulary)
    tokenizer.save(made, folder)
    return made


def _texts(recipe: Recipe, prompts: Prompts) -> Iterator[str]:
    rng = Random(recipe.seed)
    talk = Talk(rng, prompts, TaskMaker(rng, programs.generate, made_up=0.3))
    for _ in range(recipe.tokenizer_conversations):
        made = mix(talk, recipe.stages[-1].shares, rng.randint(0, 2))
        yield f"{made.messages[-1]['content']}\n{made.answer}"


@dataclass
class Tally:
    """What went wrong since the last report."""

    conversations: int = 0
    exact: int = 0
    tokens: int = 0
    wrong: int = 0

    def add(self, right: Any, labels: Any) -> None:
        """Count a batch; `right` is (B, T) and true where nothing was asked."""
        self.conversations += len(labels)
        self.exact += int(right.all(1).sum())
        self.tokens += int((labels != batches.IGNORED).sum())
        self.wrong += int((~right).sum())

    def __str__(self) -> str:
        return (
            f"tokens wrong {self.wrong / max(self.tokens, 1):.4f}"
            f" answers exact {self.exact / max(self.conversations, 1):.3f}"
        )


def loss(network: Any, hidden: Any, labels: Any, weights: Any) -> tuple[Any, Any]:
    """(weighted cross-entropy on the labelled tokens, which of them are right (B, T)).

    `hidden` is (B, T, hidden size), the network's last hidden states.
    """
    import torch

    wanted = labels[:, 1:]
    chosen = wanted != batches.IGNORED
    logits = network.logits(hidden[:, :-1][chosen]).float()
    costs = torch.nn.functional.cross_entropy(logits, wanted[chosen], reduction="none")
    heavy = weights[:, :-1][chosen]
    right = ~chosen
    right[chosen] = logits.argmax(-1) == wanted[chosen]
    return (costs * heavy).sum() / heavy.sum(), right


@dataclass
class Run:
    """One run in one folder: where it stands and what it prints."""

    network: Any
    recipe: Recipe
    folder: Path
    stage: int = 0
    step: int = 0
    started: float = 0.0
    tally: Tally = field(default_factory=Tally)
    forward: Any = None
    guide: Any = guided.loss

    def __post_init__(self) -> None:
        self.forward = self.forward or self.network

    def compile(self) -> None:
        """Let torch compile the heavy parts: a third faster, after a minute."""
        import torch

        self.forward = torch.compile(self.network, dynamic=True)
        self.guide = torch.compile(guided.loss, dynamic=True)

    def save(self) -> None:
        """Write the checkpoint and where the run stands."""
        checkpoint.save(self.network, self.folder)
        state = {"stage": self.stage, "step": self.step, "recipe": self.recipe.digest}
        (self.folder / "state.json").write_text(json.dumps(state))

    def train(self, made: Any, prompts: Prompts) -> None:
        """Train the stages that are left."""
        self.started = time.monotonic()
        for number in range(self.stage, len(self.recipe.stages)):
            self.stage = number
            stage = self.recipe.stages[number]
            seed = self.recipe.seed + 1000 * (number + 1) + self.step
            self._train_stage(stage, Batches(Random(seed), stage, made, prompts))
            self.step = 0
        self.stage = len(self.recipe.stages)
        self.save()

    def _train_stage(self, stage: Stage, source: Batches) -> None:
        used = model.optimisers(self.network, stage.muon_rate, stage.adam_rate)
        base = [[group["lr"] for group in one.param_groups] for one in used]
        for ids, labels, wanted in source:
            if self.step >= stage.steps:
                return
            factor = model.rate(self.step, stage.steps, _WARM_UP, stage.last)
            for one, rates in zip(used, base, strict=True):
                for group, value in zip(one.param_groups, rates, strict=True):
                    group["lr"] = value * factor
            self._update(stage, used, ids, labels, wanted)
            if self.step % _SAVE_EVERY == 0:
                self.save()

    def _update(self, stage: Stage, used: list[Any], ids: Any, labels: Any, wanted: Any) -> None:
        import torch

        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            hidden, looks = self.forward(ids)
            value, right = loss(self.network, hidden, labels, guided.weights(wanted))
            looked, parts = self.guide(looks, wanted)
        self.network.zero_grad()
        (value + stage.guide_weight * looked).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for one in used:
            one.step()
        self.step += 1
        self.tally.add(right, labels)
        if self.step % _REPORT_EVERY == 0:
            self._report(float(value.detach()), parts)

    def _report(self, value: float, parts: Any) -> None:
        shown = " ".join(
            f"{name} {float(part):.2f}" for name, part in zip(guides.HEADS, parts, strict=True)
        )
        seconds = time.monotonic() - self.started
        print(
            f"stage {self.stage} step {self.step} loss {value:.4f} {self.tally}"
            f" {seconds:.0f} s | {shown}",
            flush=True,
        )
        self.tally = Tally()


def start(recipe: Recipe, folder: Path, resume: bool, threads: int) -> Run:
    """A new run, or the stopped one of this folder."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    if not resume:
        return Run(model.build(recipe.shape), recipe, folder)
    state = json.loads((folder / "state.json").read_text())
    network = checkpoint.load(folder)
    return Run(network, recipe, folder, stage=state["stage"], step=state["step"])


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description="Train Lodestar's demo model.")
    parser.add_argument("--recipe", type=Path, default=Path("datasets/demo-model/recipe.yaml"))
    parser.add_argument("--aider-python", default=sys.executable, help="a Python with Aider")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="steps of every stage, for a trial")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--no-compile", action="store_true", help="no torch.compile")
    parser.add_argument("--float32", action="store_true", help="for CPUs without bfloat16")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe.read(chosen.recipe).with_steps(chosen.steps)
    if chosen.float32:
        recipe = replace(recipe, bfloat16=False)
    prompts = Prompts.of_aider(chosen.aider_python)
    made = make_tokenizer(recipe, prompts, chosen.out)
    run = start(recipe, chosen.out, chosen.resume, chosen.threads)
    print(
        f"{sum(one.numel() for one in run.network.parameters())} parameters, stage {run.stage},"
        f" step {run.step}",
        flush=True,
    )
    if not chosen.no_compile:
        run.compile()
    run.train(made, prompts)


if __name__ == "__main__":
    main()
