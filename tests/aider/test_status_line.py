"""The status at Aider's prompt: on one line, whatever the terminal is and the user does."""

from __future__ import annotations

import re

import pytest
from prompt_toolkit.utils import get_cwidth

from lodestar_aider.status_line import bar, fitted, width
from tests.aider.place import Place

PARTS = ["PAID claude-sonnet", "59 min left", "today $1.62/$2.00 (81 %)", "12.3k tokens"]
WIDE = ["FREE 大きなモデル", "한국어 \N{RACING CAR}", "e\N{COMBINING ACUTE ACCENT}te"]
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:[34][0-8]|9[0-7]|10[0-7])[;m]")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (200, "PAID claude-sonnet | 59 min left | today $1.62/$2.00 (81 %) | 12.3k tokens"),
        (73, "PAID claude-sonnet | 59 min left | today $1.62/$2.00 (81 %)"),
        (58, "PAID claude-sonnet | 59 min left"),
        (31, "PAID claude-sonnet"),
        (18, "PAID claude-sonnet"),
        (17, "PAID claude-so..."),
        (6, "PAID c"),
        (1, "P"),
        (0, ""),
    ],
)
def test_a_narrow_terminal_leaves_out_the_last_parts(columns: int, line: str) -> None:
    assert fitted(PARTS, columns) == line


@pytest.mark.parametrize("parts", [PARTS, WIDE, [], ["\x1b[31m\x07", ""], ["大"], ["FREE"]])
@pytest.mark.parametrize("pretty", [True, False])
def test_the_line_is_never_wider_than_the_terminal(parts: list[str], pretty: bool) -> None:
    for columns in range(1, 100):
        shown = "".join(text for _, text in bar(parts, columns, pretty))
        assert get_cwidth(shown) <= columns
        assert shown.isprintable()


@pytest.mark.parametrize("text", [*PARTS, *WIDE])
def test_a_text_is_as_wide_as_the_prompt_draws_it(text: str) -> None:
    assert width(text) == get_cwidth(text)


def test_the_price_has_a_colour_where_colours_are_wanted() -> None:
    paid = "fg:ansiyellow"
    assert bar(PARTS, 24, True) == [(f"{paid} bold", " PAID"), (paid, " claude-sonnet     ")]
    assert bar(PARTS, 24, False) == [("", " PAID"), ("", " claude-sonnet ")]


def test_the_line_follows_the_window_and_never_breaks_what_is_typed(place: Place) -> None:
    """One start for all of it: each costs several seconds."""
    place.fake.status = PARTS
    with place.spawn() as terminal:
        terminal.wait(" | ".join(PARTS))
        assert COLOUR.search(terminal.raw[terminal.raw.rindex("PAID") - 20 :])
        terminal.send("half of a")
        terminal.wait("half of a")
        place.fake.change(status=["FREE local-coder", "today $2.00/$2.00 (100 %)"])
        assert "> half of a" in terminal.redrawn("FREE local-coder | today $2.00/$2.00 (100 %)")
        assert "|" not in terminal.redrawn(" FREE local-coder ", 24)
        place.fake.change(status=["FREE 大きなモデル", "more"])
        assert "more" not in terminal.redrawn(" FREE 大き... ", 15)
        for rows, columns in [(1, 1), (2, 3), (3, 2), (40, 1)] * 5:
            terminal.resize(rows, columns)
        terminal.redrawn("FREE 大きなモデル | more")
        terminal.send(" message\r")
        place.fake.wait_event("idle", 2)
        place.fake.change(status=[])
        place.fake.wait_polls(2)
        assert "FREE" not in terminal.redrawn("> ")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    asked = place.fake.chats[-1].body["messages"][-1]["content"]
    assert asked.startswith("half of a message")


def test_without_colours_the_line_is_in_black_and_white(place: Place) -> None:
    place.extra_env["NO_COLOR"] = "1"
    place.fake.status = PARTS
    with place.spawn() as terminal:
        terminal.wait(" | ".join(PARTS))
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    assert not COLOUR.search(terminal.raw)


@pytest.mark.parametrize("kind", ["dumb", "xterm-256color"])
def test_where_the_prompt_is_plain_the_line_stands_above_it_when_it_is_new(
    place: Place, kind: str
) -> None:
    place.extra_env["TERM"] = kind
    place.fake.status = PARTS
    line = f"[lodestar] {' | '.join(PARTS)}\r\n"
    with place.spawn(*(["--no-fancy-input"] if kind != "dumb" else [])) as terminal:
        terminal.wait(line)
        terminal.send("/tokens\r")
        place.fake.wait_event("idle", 2)
        terminal.resize(40, 42)
        place.fake.change(status=["FREE local-coder", *PARTS[1:]])
        place.fake.wait_polls(2)
        terminal.send("/drop\r")
        terminal.wait("[lodestar] FREE local-coder | 59 min left\r\n")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    assert terminal.text.count("[lodestar]") == 2
    assert "\x1b[7m" not in terminal.raw


def test_the_line_is_of_the_model_that_is_used_now_and_of_a_shim_that_answers(
    place: Place,
) -> None:
    """What was said before may be wrong by now."""
    place.fake.status_of = {"openai/local-coder": ["FREE local-coder"], "claude-x": PARTS}
    with place.spawn() as terminal:
        terminal.wait("FREE local-coder")
        terminal.send("/model claude-x\r")
        terminal.wait(" | ".join(PARTS))
        place.fake.change(news_fails=True)
        terminal.redrawn("Lodestar does not answer just now")
        # Once more: the first drawing may have begun with what stood there before.
        assert "PAID" not in terminal.redrawn("Lodestar does not answer just now")
        place.fake.change(news_fails=False)
        terminal.redrawn(" | ".join(PARTS))
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
