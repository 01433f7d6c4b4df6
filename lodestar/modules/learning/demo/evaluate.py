"""Evaluate a GGUF: `python -m lodestar.modules.learning.demo.evaluate --gguf PATH`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lodestar.modules.learning.demo.heldtasks import COLUMNS, Case, cases
from lodestar.modules.learning.demo.intervals import wilson
from lodestar.modules.learning.demo.prompts import Message, Prompts
from lodestar.modules.learning.demo.tasks import KINDS

Answer = Callable[[list[Message]], str]
Counts = dict[str, dict[str, list[int]]]


def load(gguf: Path, threads: int = 1) -> Answer:
    """A function from messages to the model's greedy answer."""
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)

    def answer(messages: list[Message]) -> str:
        chat: Any = model.create_chat_completion(messages, temperature=0.0, max_tokens=700)
        text: str = chat["choices"][0]["message"]["content"]
        return text

    return answer


def count(answer: Answer, tasks: Iterable[Case], failed: Callable[[Case, str], None]) -> Counts:
    """{kind: {column: [right, total]}}; `failed` is told each wrong answer."""
    counts: Counts = {}
    for case in tasks:
        cell = counts.setdefault(case.kind, {}).setdefault(case.column, [0, 0])
        said = answer(case.conversation.messages)
        right = case.is_right(said)
        cell[0] += right
        cell[1] += 1
        if not right:
            failed(case, said)
    return counts


def table(counts: Counts) -> str:
    """The counts as a Markdown table with Wilson 95 % intervals."""
    lines = [f"| kind | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for kind in KINDS:
        cells = [_cell(counts.get(kind, {}).get(column)) for column in COLUMNS]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(counted: list[int] | None) -> str:
    if counted is None:
        return "–"
    low, high = wilson(*counted)
    return f"{counted[0]}/{counted[1]} ({100 * low:.0f}–{100 * high:.0f} %)"


def main() -> None:
    """Parse the arguments, run the cases and print the table."""
    parser = argparse.ArgumentParser(description="Evaluate the demo model on held-out tasks.")
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--aider-python", default=sys.executable, help="a Python with Aider")
    parser.add_argument("--count", type=int, default=60, help="cases of each kind and column")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    parser.add_argument("--failures", type=Path, help="write the wrong answers to this file")
    chosen = parser.parse_args()
    wrong: list[str] = []

    def failed(case: Case, said: str) -> None:
        wrong.append(
            f"## {case.kind}, {case.column}: {case.task.request}\n{said}\n"
            f"### wanted\n{case.conversation.answer}\n"
        )

    prompts = Prompts.of_aider(chosen.aider_python)
    counts = count(load(chosen.gguf), cases(prompts, chosen.count), failed)
    print(table(counts))
    if chosen.json:
        chosen.json.write_text(json.dumps(counts, indent=2) + "\n")
    if chosen.failures:
        chosen.failures.write_text("\n".join(wrong))


if __name__ == "__main__":
    main()
