"""The demo model's data: valid code, exact answers, held-out shapes that are really held out."""

import ast
import re
from random import Random

import pytest

from lodestar.modules.learning.demo import edits, heldout, marks, plain, programs, repeats, words
from lodestar.modules.learning.demo.tasks import DECLINED, EDIT_KINDS, NO_FILE, TaskMaker


def skeleton(program: programs.Program) -> str:
    """The kinds of nodes of a program, without names and values."""
    names = {key: f"n{key}" for key in program.roles}
    tree = ast.parse(marks.fill(program.template, names))
    return " ".join(type(node).__name__ for node in ast.walk(tree))


def test_generated_programs_are_valid_python() -> None:
    rng = Random(1)
    for number in range(200):
        skeleton(programs.generate(rng, number % 4))


def test_a_file_that_says_things_twice_is_valid_python() -> None:
    rng, twice = Random(3), 0
    for number in range(300):
        before = (plain, programs)[number % 2].generate(rng, 1)
        made = repeats.repeated(rng, before)
        ast.parse(marks.fill(made.template, {key: f"n{key}" for key in made.roles}))
        assert (made.roles, made.target) == (before.roles, before.target)
        twice += made.template != before.template
    assert twice > 200


def test_names_of_one_task_share_words_where_that_is_asked() -> None:
    def distinct(reuse: float) -> float:
        maker = TaskMaker(Random(8), plain.generate, reuse=reuse, made_up=0.9)
        tasks = [maker.edit("rename", 1) for _ in range(60)]
        parts = [re.findall(r"[a-z]+", f"{one.old}_{one.new}") for one in tasks]
        return sum(len(set(one)) / len(one) for one in parts)

    assert distinct(0.6) < distinct(0.0)


def test_held_out_shapes_are_valid_python() -> None:
    for shape in heldout.SHAPES:
        skeleton(heldout.numbered(shape))


def test_no_held_out_shape_is_among_the_training_shapes() -> None:
    rng = Random(2)
    made = [(plain, programs)[number % 2].generate(rng, number % 3) for number in range(2000)]
    trained = {skeleton(one) for one in (*made, *(repeats.repeated(rng, one) for one in made))}
    assert [one for one in heldout.SHAPES if skeleton(heldout.numbered(one)) in trained] == []


def test_no_held_out_word_is_a_training_word() -> None:
    assert set(words.TRAIN) & set(words.HELD_OUT) == set()


@pytest.mark.parametrize("kind", EDIT_KINDS)
@pytest.mark.parametrize("generator", [programs.generate, heldout.generate])
def test_an_edit_changes_the_named_thing_and_stays_valid(
    kind: str, generator: programs.Generator
) -> None:
    maker = TaskMaker(Random(3), generator)
    for _ in range(40):
        task = maker.edit(kind, 1)
        for one in task.files:
            after = task.expected.get(one.path, one.source)
            ast.parse(after)
        assert task.expected != {one.path: one.source for one in task.files}
        assert task.is_right(task.answer)
        assert task.old in task.request


def test_a_rename_replaces_every_use_as_code_and_no_mention_in_a_string() -> None:
    template = 'def «0»():\n    print("‹0›")  # ‹0›\n\n\n«0»()\n'
    renamed = marks.fill(template, {0: "hello"}, {0: "greet"})
    assert renamed == 'def greet():\n    print("hello")  # hello\n\n\ngreet()\n'


def test_a_renamed_name_is_gone_from_the_code() -> None:
    maker = TaskMaker(Random(4), programs.generate)
    for _ in range(100):
        task = maker.edit("rename", 1)
        for after in task.expected.values():
            names = {node.id for node in ast.walk(ast.parse(after)) if isinstance(node, ast.Name)}
            assert task.old not in names


def test_an_answer_with_one_character_changed_is_wrong() -> None:
    task = TaskMaker(Random(5), programs.generate).edit("rename", 0)
    changed = re.sub(r"\n```$", " \n```", task.answer)
    assert not task.is_right(changed)


def test_a_docstring_goes_under_the_header_of_the_named_function() -> None:
    source = "class A:\n    def run_all(self):\n        return 1\n"
    assert edits.add_docstring(source, "run_all") == (
        'class A:\n    def run_all(self):\n        """Run run all."""\n        return 1\n'
    )


def test_a_print_goes_after_the_docstring() -> None:
    source = 'def go():\n    """Go."""\n    return 1\n'
    assert edits.add_trace(source, "go") == (
        'def go():\n    """Go."""\n    print("go")\n    return 1\n'
    )


def test_a_declined_request_gets_an_answer_without_a_file() -> None:
    maker = TaskMaker(Random(6), programs.generate)
    answers = {maker.decline(0).answer for _ in range(60)}
    assert answers == {DECLINED, NO_FILE}
