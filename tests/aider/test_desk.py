"""Which end the desk believes: the shim's answers may be older than what the user decided."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lodestar_aider.channel import End, News, Notice
from lodestar_aider.desk import Desk

UP = News(end=End("time is up", "time limit", 120))


def _ends(desk: Desk) -> bool:
    """Whether the next prompt is not opened any more."""
    io = SimpleNamespace(prompt_session=None, pretty=False)
    try:
        desk.open_prompt(io)
    except EOFError:
        return desk.cut
    desk.close_prompt()
    return False


def test_an_end_that_was_put_off_may_still_be_on_its_way() -> None:
    desk = Desk()
    desk.take(UP)
    assert _ends(desk)
    desk.goes_on(135)
    desk.take(UP)
    assert not _ends(desk)
    desk.take(News(end=End("time is up", "time limit", 135)))
    assert _ends(desk)


def test_an_end_that_the_shim_takes_back_is_none() -> None:
    desk = Desk()
    desk.take(UP)
    desk.take(News())
    assert not _ends(desk)


def test_an_end_that_cannot_be_put_off_stays_though_a_new_shim_knows_nothing_of_it() -> None:
    desk = Desk()
    desk.take(News(end=End("the budget is used up", "budget")))
    desk.take(News())
    desk.goes_on(135)
    assert not desk.cut
    assert _ends(desk)


@pytest.mark.parametrize("end", [UP.end, None])
def test_a_user_who_leaves_is_not_asked(end: End | None) -> None:
    desk = Desk()
    assert not _ends(desk)
    desk.take(News(end=end))
    # The prompt was closed by the user in this very moment.
    assert not desk.cut


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_line_is_broken_between_words_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    Desk().say("the daily limit has no room: lodestar budget raise 1 --until midnight")
    lines = capsys.readouterr().out.splitlines()
    if terminal:
        assert lines == [
            "[lodestar] the daily limit has no room:",
            "  lodestar budget raise 1 --until",
            "  midnight",
        ]
    else:
        assert len(lines) == 1


def test_a_status_of_the_model_before_is_not_shown_for_the_one_after_it() -> None:
    """A question may be on its way while the user goes over to a paid model."""
    desk = Desk()
    desk.use("local")
    desk.take(News(status=["FREE local"]), "local")
    assert desk.status == ["FREE local"]
    desk.use("dear")
    desk.take(News(status=["FREE local"], notices=[Notice(1, "info", "a word")]), "local")
    assert desk.status == []
    assert desk.last == 1
    desk.take(News(status=["PAID dear"]), "dear")
    assert desk.status == ["PAID dear"]
