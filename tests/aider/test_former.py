"""The former answer is brought back whole or not at all, and what the user has stays."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lodestar_aider.former import Former
from lodestar_aider.last_message import Chat, Message
from tests.aider.repository import Repository

Written = dict[str, tuple[bytes | None, bytes | None]]


class Desk:
    """What a coder is for this: a repository, a chat, and what was said on the screen."""

    def __init__(self, root: Path) -> None:
        self.repository = Repository(root)
        self.said: list[str] = []
        self.coder: Any = SimpleNamespace(
            repo=self.repository.repo,
            io=SimpleNamespace(tool_output=self.said.append),
            done_messages=["the old chat"],
            cur_messages=[],
            abs_fnames=set(),
        )

    def message(self, written: Written, *commits: str) -> Message:
        """An answer that wrote these files, and made these commits."""
        chat = Chat([], [], frozenset())
        root = os.path.realpath(self.repository.root)
        paths = {os.path.join(root, name): how for name, how in written.items()}
        return Message("?", None, chat, "main", commits=list(commits), written=paths)

    def answer_before(self) -> Former:
        """What was there before the new answer, which has changed the chat by now."""
        former = Former(self.coder, self.message({}))
        self.coder.done_messages = ["the new chat"]
        return former


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "a repository")


def test_a_new_answer_that_has_to_stay_stays_whole(desk: Desk) -> None:
    at = desk.repository
    at.write(".git/info/exclude", "local.cfg\n")
    former = desk.answer_before()
    at.write("app.py", "three\n")
    top = at.commit()
    at.write("local.cfg", "of the answer\n")
    at.write("app.py", "three\nmine\n")
    app, loose = (b"two\n", b"three\n"), (b"before\n", b"of the answer\n")
    former.bring_back(desk.message({"app.py": app, "local.cfg": loose}, top), desk.coder)
    assert at.text("local.cfg") == "of the answer\n"
    assert at.text("app.py") == "three\nmine\n"
    assert at.git("rev-parse", "HEAD") == top
    assert desk.coder.done_messages == ["the new chat"]
    assert "The new answer stays in your files: app.py has uncommitted changes" in desk.said[0]


def test_edits_that_were_taken_out_are_back_where_the_move_fails_after_that(desk: Desk) -> None:
    at = desk.repository
    at.write(".git/info/exclude", "*.cfg\n")
    former = desk.answer_before()
    at.write("app.py", "three\n")
    top = at.commit()
    at.write("local.cfg", "of the answer\n")
    at.write("made.cfg", "made\n")
    at.write(".git/index.lock", "somebody else\n")
    written: Written = {
        "app.py": (b"two\n", b"three\n"),
        "local.cfg": (b"before\n", b"of the answer\n"),
        "made.cfg": (None, b"made\n"),
    }
    former.bring_back(desk.message(written, top), desk.coder)
    assert "index.lock" in desk.said[0]
    assert at.text("local.cfg") == "of the answer\n"
    assert at.text("made.cfg") == "made\n"
    assert at.git("rev-parse", "HEAD") == top


def test_what_the_answer_has_made_goes_and_an_empty_file_of_the_user_stays(desk: Desk) -> None:
    at = desk.repository
    at.write("mine.py", "")
    former = desk.answer_before()
    at.write("mine.py", "of the answer\n")
    at.write("made.py", "of the answer\n")
    written: Written = {
        "mine.py": (b"", b"of the answer\n"),
        "made.py": (None, b"of the answer\n"),
    }
    former.bring_back(desk.message(written), desk.coder)
    assert at.text("mine.py") == ""
    assert not (at.root / "made.py").exists()
    assert desk.coder.done_messages == ["the old chat"]


def test_a_commit_that_holds_more_than_the_answer_wrote_is_not_taken_back(desk: Desk) -> None:
    at = desk.repository
    at.write("app.py", "three\nmine\n")
    top = at.commit()
    message = desk.message({"app.py": (b"two\n", b"three\n")}, top)
    Former(desk.coder, message).take_back()
    assert at.git("rev-parse", "HEAD") == top
    assert "app.py was changed before it was committed" in desk.said[0]
    message.written = desk.message({"app.py": (b"two\n", b"three\nmine\n")}).written
    Former(desk.coder, message).take_back()
    assert at.git("rev-parse", "HEAD") == at.new


def test_a_user_s_empty_file_in_a_commit_of_the_answer_keeps_it_there(desk: Desk) -> None:
    at = desk.repository
    at.write("mine.py", "of the answer\n")
    top = at.commit()
    Former(desk.coder, desk.message({"mine.py": (b"", b"of the answer\n")}, top)).take_back()
    assert at.git("rev-parse", "HEAD") == top
    assert "mine.py had uncommitted changes before the answer" in desk.said[0]


def test_commits_that_are_dropped_are_named_with_what_brings_them_back(desk: Desk) -> None:
    at = desk.repository
    former = desk.answer_before()
    at.write("app.py", "three\n")
    first = at.commit()
    at.write("app.py", "four\n")
    top = at.commit()
    former.bring_back(desk.message({"app.py": (b"two\n", b"four\n")}, first, top), desk.coder)
    assert at.git("rev-parse", "HEAD") == at.new
    assert f"git cherry-pick {at.new[:7]}..{top[:7]}" in desk.said[-1]
    at.git("cherry-pick", f"{at.new[:7]}..{top[:7]}")
    assert at.text("app.py") == "four\n"


def test_the_name_of_a_file_cannot_drive_the_terminal(desk: Desk) -> None:
    at = desk.repository
    name = "a\x1b]0;title\x07\x1b[31m.py"
    at.write(name, "of the answer\n")
    top = at.commit()
    Former(desk.coder, desk.message({name: (b"mine\n", b"of the answer\n")}, top)).take_back()
    assert "a]0;title[31m.py had uncommitted changes" in desk.said[0]
    assert desk.said[0].isprintable()
