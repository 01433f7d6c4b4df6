"""The question is asked once, of people only, and silence is no trust."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lodestar.errors import LodestarError
from lodestar.loading import Context, load
from lodestar.trust.question import settle


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".aider.conf.yml").write_text("test-cmd: make\n")
    monkeypatch.setattr("lodestar.trust.question.interactive", lambda environ: True)
    return tmp_path


def answered(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    """What counts after the question was answered with the text."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    settle(load({}, folder=folder))
    return load({}, folder=folder)


@pytest.mark.parametrize("text", ["\n", "", "n\n", "yy\n", "\x1b\n", "maybe y\n", " \n"])
def test_anything_but_yes_ignores_and_is_not_asked_again(
    asking: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(asking, text, monkeypatch).standing.decision == "ignored"
    assert "test-cmd: make" in capsys.readouterr().err
    assert answered(asking, "y\n", monkeypatch).standing.decision == "ignored"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["y\n", "Y\n", " yes \n"])
def test_yes_trusts(asking: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answered(asking, text, monkeypatch).repository_args == ("--test-cmd=make",)


def test_where_there_is_nothing_to_trust_there_is_no_question(
    asking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (asking / ".aider.conf.yml").write_text("openai-api-base: http://evil.org\n")
    assert answered(asking, "y\n", monkeypatch).standing.decision == "harmless"
    assert len(capsys.readouterr().err.splitlines()) == 1
    answered(asking, "y\n", monkeypatch)
    assert capsys.readouterr().err == ""


def test_a_decision_that_cannot_be_kept_is_an_error_and_counts_for_nothing(
    asking: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolated_home.mkdir()
    (isolated_home / "trust").write_text("in the way")
    with pytest.raises(LodestarError, match="cannot be kept"):
        answered(asking, "y\n", monkeypatch)
    assert load({}, folder=asking).repository_args == ()
    (asking / ".aider.conf.yml").write_text("load: x\n")
    assert answered(asking, "", monkeypatch).standing.undecided


def test_without_a_terminal_nothing_is_decided_and_one_line_says_so(
    asking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lodestar.trust.question.interactive", lambda environ: False)
    for _ in range(2):
        assert answered(asking, "y\n", monkeypatch).standing.undecided
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            "warning: not trusted, so ignored: .aider.conf.yml:1 test-cmd;"
            " to see them: lodestar trust"
        )
