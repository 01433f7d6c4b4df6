"""How the evaluation counts."""

from itertools import islice

import pytest

from lodestar.modules.learning.demo.evaluate import count, table
from lodestar.modules.learning.demo.heldtasks import COLUMNS, cases
from lodestar.modules.learning.demo.intervals import wilson
from lodestar.modules.learning.demo.prompts import Prompts


def test_the_wilson_interval_of_27_of_30() -> None:
    assert wilson(27, 30) == pytest.approx((0.744, 0.965), abs=0.001)


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_cases_are_the_same_at_every_call(prompts: Prompts) -> None:
    first, second = (list(islice(cases(prompts, 2), 10)) for _ in range(2))
    assert first == second


def test_right_answers_count_and_empty_ones_do_not(prompts: Prompts) -> None:
    tasks = list(cases(prompts, 1))
    answers = {id(one.conversation.messages): one.conversation.answer for one in tasks}
    right = count(lambda messages: answers[id(messages)], tasks, lambda case, said: None)
    assert all(cell == [1, 1] for row in right.values() for cell in row.values())
    wrong = count(lambda messages: "", tasks, lambda case, said: None)
    assert wrong["rename"] == {column: [0, 1] for column in COLUMNS}


def test_the_table_has_a_row_for_each_kind() -> None:
    shown = table({"rename": {"plain files": [9, 10]}})
    assert "| rename | 9/10 (60–98 %) | – | – | – |" in shown
