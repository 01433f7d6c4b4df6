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
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from lodestar.modules.learning.demo import batches, model, programs, tokenizer
from lodestar.modules.learning.demo.batches import Batches, Stage
from lodestar.modules.learning.demo.conversations import Talk, mix
from lodestar.modules.learning.demo.prompts import Prompts
from lodestar.modules.learning.demo.recipe import Recipe
from lodestar.modules.learning.demo.tasks import TaskMaker

_REPORT_EVERY = 20
_SAVE_EVERY = 100


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
    talk = Talk(rng, prompts, TaskMaker(rng, programs.generate))
    for _ in range(recipe.tokenizer_conversations):
        made = mix(talk, recipe.stages[-1].shares, rng.randint(0, 2))
        yield f"{made.messages[-1]['content']}\n{made.answer}"


def loss(network: Any, ids: Any, labels: Any) -> tuple[Any, float]:
    """Cross-entropy on the labelled tokens, and the share of them predicted right."""
    import torch

    hidden = network.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    chosen = wanted != batches.IGNORED
    logits = network.lm_head(hidden[chosen])
    value = torch.nn.functional.cross_entropy(logits, wanted[chosen])
    return value, float((logits.argmax(-1) == wanted[chosen]).float().mean())


@dataclass
class Run:
    """One run in one folder: where it stands and what it prints."""

    network: Any
    recipe: Recipe
    folder: Path
    stage: int = 0
    step: int = 0
    started: float = 0.0

    def save(self) -> None:
        """Write the checkpoint and where the run stands."""
        self.network.save_pretrained(str(self.folder))
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
        for ids, labels in source:
            if self.step >= stage.steps:
                return
            factor = model.rate(self.step, stage.steps, 30, stage.decay)
            for one, rates in zip(used, base, strict=True):
                for group, value in zip(one.param_groups, rates, strict=True):
                    group["lr"] = value * factor
            self._update(used, ids, labels, factor)

    def _update(self, used: list[Any], ids: Any, labels: Any, factor: float) -> None:
        import torch

        value, right = loss(self.network, ids, labels)
        self.network.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for one in used:
            one.step()
        self.step += 1
        if self.step % _REPORT_EVERY == 0:
            print(
                f"stage {self.stage} step {self.step} batch {tuple(ids.shape)} loss"
                f" {float(value.detach()):.4f} right {right:.4f} rate {factor:.2f}"
                f" {time.monotonic() - self.started:.0f} s",
                flush=True,
            )
        if self.step % _SAVE_EVERY == 0:
            self.save()


def start(recipe: Recipe, folder: Path, resume: bool, threads: int) -> Run:
    """A new run, or the stopped one of this folder."""
    import torch
    from transformers import LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    if not resume:
        return Run(model.build(recipe.shape), recipe, folder)
    state = json.loads((folder / "state.json").read_text())
    network = LlamaForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    return Run(network, recipe, folder, stage=state["stage"], step=state["step"])


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description="Train Lodestar's demo model.")
    parser.add_argument("--recipe", type=Path, default=Path("datasets/demo-model/recipe.yaml"))
    parser.add_argument("--aider-python", default=sys.executable, help="a Python with Aider")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps-short", type=int)
    parser.add_argument("--steps-full", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe.read(chosen.recipe).with_steps(chosen.steps_short, chosen.steps_full)
    prompts = Prompts.of_aider(chosen.aider_python)
    made = make_tokenizer(recipe, prompts, chosen.out)
    run = start(recipe, chosen.out, chosen.resume, chosen.threads)
    print(
        f"{sum(one.numel() for one in run.network.parameters())} parameters, stage {run.stage},"
        f" step {run.step}",
        flush=True,
    )
    run.train(made, prompts)


if __name__ == "__main__":
    main()
