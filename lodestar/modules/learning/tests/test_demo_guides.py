"""Where the demo model is shown to look while it is trained."""

import re
from random import Random

import pytest

from lodestar.modules.learning.demo import guides, loose, plain
from lodestar.modules.learning.demo.conversations import Conversation, Talk
from lodestar.modules.learning.demo.prompts import File, Prompts
from lodestar.modules.learning.demo.runs import Tokens
from lodestar.modules.learning.demo.tasks import Task, TaskMaker
from lodestar.modules.learning.demo.tokenizer import END, render

_TOKEN = re.compile(r" print| return|<\|\w+\|>|_|[a-z]{1,3}|[A-Z]|\d|\n *(?= )|\n| ?[^\w\s<]+| |<")


class Shown:
    """A conversation cut into small tokens, with what each guide says of each token."""

    def __init__(self, conversation: Conversation) -> None:
        prompt = render(conversation.messages)
        text = prompt + conversation.answer + END
        self.begins = [found.start() for found in _TOKEN.finditer(text)]
        self.tokens = Tokens.of(text, self.begins)
        self.prompt = len(prompt)
        found = guides.looks(self.tokens, conversation, prompt.rindex("<|user|>"), len(prompt))
        self.looks: dict[str, dict[int, int]] = {name: {} for name in guides.HEADS}
        for name, position, target in found:
            self.looks[name][position] = target

    def word(self, position: int) -> str:
        """The text of a token."""
        ends = [*self.begins[1:], len(self.tokens.text)]
        return self.tokens.text[self.begins[position] : ends[position]]

    def after(self, words: str) -> int:
        """The position of the answer's token that ends with `words`."""
        place = self.tokens.text.index(words, self.prompt) + len(words)
        return self.begins.index(place) - 1


def task(kind: str, source: str, after: str, old: str, new: str, request: str) -> Task:
    return Task(kind, (File("a.py", source),), request, old, new, {"a.py": after})


def shown(prompts: Prompts, one: Task) -> Shown:
    return Shown(Conversation(prompts.edit(one.files, one.request), one.answer, one))


@pytest.fixture
def rename(prompts: Prompts) -> Shown:
    source = 'def load():\n    print("load")\n\n\nload_all(load)\n'
    after = 'def fetch():\n    print("load")\n\n\nload_all(fetch)\n'
    return shown(prompts, task("rename", source, after, "load", "fetch", "rename load to fetch"))


@pytest.fixture
def trace(prompts: Prompts) -> Shown:
    source = "def go(x):\n    return x\n\n\ndef run():\n    return 1\n"
    after = 'def go(x):\n    return x\n\n\ndef run():\n    print("run")\n    return 1\n'
    return shown(prompts, task("trace", source, after, "run", "", "add a print to run"))


def test_copying_looks_at_the_token_that_comes_next(rename: Shown) -> None:
    for position, target in rename.looks["copy"].items():
        if target != guides.FREE:
            swapped = position in rename.looks["new"]
            assert swapped or rename.word(target) == rename.word(position + 1)
            assert rename.begins[target] < rename.prompt


def test_an_old_name_is_swapped_where_it_is_code_and_only_there(rename: Shown) -> None:
    looked = rename.looks["new"]
    assert set(looked) == {rename.after("```\ndef "), rename.after("load_all(")}
    assert all(rename.word(target) == "fet" for target in looked.values())


def test_a_name_is_compared_with_the_old_one_wherever_it_stands(rename: Shown) -> None:
    assert rename.after('print("') in rename.looks["same"]
    other = rename.looks["other"][rename.after(")\n\n\n")]
    assert rename.tokens.name(other) == "load_all"


def test_a_new_name_goes_on_and_then_the_file_does(rename: Shown) -> None:
    first = rename.after("```\ndef fet")
    assert rename.word(rename.looks["inside"][first]) == "ch"
    target = rename.looks["resume"][first + 1]
    assert rename.word(target) == rename.word(first + 2)
    assert rename.word(target - 1) == "d", "the old name's last token"


def test_the_names_are_taken_from_the_request(rename: Shown) -> None:
    looked = rename.looks["request"]
    assert [rename.word(target) for target in looked.values()] == ["loa", "fet"]
    assert all(rename.begins[target] < rename.prompt for target in looked.values())


def test_each_line_break_knows_the_function_it_is_in(trace: Shown) -> None:
    meant = trace.looks["within"]
    assert trace.after("def run():\n   ") in meant
    assert {trace.tokens.name(target) for target in meant.values()} == {"run"}
    assert all(trace.begins[target] > trace.prompt for target in meant.values())
    outside = trace.looks["without"][trace.after("def go(x):\n   ")]
    assert trace.tokens.name(outside) == "go"


def test_after_an_inserted_line_the_file_goes_on(trace: Shown) -> None:
    position = trace.after('print("run")\n   ')
    target = trace.looks["resume"][position]
    assert trace.tokens.text[trace.begins[target] :].startswith(" return 1")


def test_a_line_break_belongs_to_the_line_before(rename: Shown) -> None:
    for position, target in rename.looks["line"].items():
        assert target < position
        assert "\n" in rename.word(target)


@pytest.mark.parametrize("kind", ["rename", "docstring", "trace", "commit", "decline"])
@pytest.mark.parametrize("generator", [plain.generate, loose.generate])
def test_a_guide_never_looks_ahead(prompts: Prompts, kind: str, generator: object) -> None:
    rng = Random(5)
    maker = TaskMaker(rng, plain.generate, loose=generator, loose_share=1.0)  # type: ignore[arg-type]
    talk = Talk(rng, prompts, maker)
    for _ in range(15):
        if kind == "commit":
            made = talk.commit(0)
        else:
            made = talk.of(maker.decline(0) if kind == "decline" else maker.edit(kind, 0))
        for looked in Shown(made).looks.values():
            assert all(guides.FREE <= target <= position for position, target in looked.items())
