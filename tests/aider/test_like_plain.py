"""Aider under Lodestar is Aider: equal to the plain one in what it shows, sends, keeps, returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.comparison.__main__ import PAGE
from tests.comparison.differences import DIFFERENCES
from tests.comparison.rows import Row, abbreviated, at_the_prompt, compare, in_page, rows_of


def _say(rows: list[Row]) -> list[str]:
    return [f"{row.topic}: {row.problem}" for row in rows if row.problem]


def test_at_the_prompt_only_what_the_page_says_differs(tmp_path: Path) -> None:
    rows = compare(tmp_path, (at_the_prompt, abbreviated))
    assert not _say(rows)
    page = rows_of(PAGE.read_text("utf-8"))
    assert {row.topic: row.found for row in rows}.items() <= page.items(), "run scripts/compare"


@pytest.mark.slow
def test_the_table_is_what_both_do(tmp_path: Path) -> None:
    rows = compare(tmp_path)
    assert not _say(rows)
    page = PAGE.read_text("utf-8")
    assert in_page(page, rows) == page, "run scripts/compare"


def test_the_page_names_each_difference() -> None:
    page = rows_of(PAGE.read_text("utf-8"))
    named = {topic: words for topic, words in page.items() if words != "same"}
    assert named == {topic: difference.words for topic, difference in DIFFERENCES.items()}


@pytest.mark.parametrize(
    ("topic", "plain", "ours", "problem"),
    [
        ("any", "a", "a", ""),
        ("any", "a", "b", "it differs"),
        ("the lines at its start", "Model: openai/m", "Model: openai/m", "it does not differ"),
        ("the lines at its start", "Model: openai/m", "Main model: openai/m", ""),
        ("the lines at its start", "Model: openai/m", "odd", "it differs in more than that"),
    ],
)
def test_a_difference_that_is_not_declared_and_one_that_is_not_there_are_found(
    topic: str, plain: str, ours: str, problem: str
) -> None:
    assert Row(topic, plain, ours).problem == problem
