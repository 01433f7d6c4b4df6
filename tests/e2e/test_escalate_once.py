"""One yes to `/escalate` is one paid answer, and what the user saves meanwhile is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import RENAMED, FakedMachine
from tests.e2e.talk import Desk, Talk, talk, whole
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

BETTER = RENAMED.replace("greet", "salute")
KEEP = "Keep the new answer? (Y)es/(N)o [Yes]:"
MINE = "# mine\n"


def block(old: str, new: str) -> str:
    """One block of Aider's `diff` format."""
    return f"hello.py\n```\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n"


WRONG = block("def nobody(wrote, this): pass\n", "")
HALF = block("def hello():\n", "def salute():\n") + WRONG


@pytest.fixture
def desk(tmp_path: Path, isolated_home: Path, faked: FakedMachine) -> Iterator[Desk]:
    with Upstream(text=whole(BETTER)) as paid, Upstream(text="change a name") as notes:
        yield Desk(tmp_path / "desk", isolated_home, faked.upstream, paid, notes)


def save_before_the_commit(aider: Talk, calls: int) -> None:
    """The user saves the file while the weak model writes the message of the commit."""
    desk = aider.desk
    wait_for(lambda: len(desk.notes.chats) == calls)
    (desk.project / "hello.py").write_text(desk.text() + MINE)
    desk.notes.release()


def test_one_yes_is_one_paid_call_whatever_is_wrong_with_the_answer(desk: Desk) -> None:
    (desk.project / "loose.py").write_text("loose = 1\n")
    desk.git("add", "loose.py")
    desk.git("commit", "-qm", "loose")
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        desk.paid.text = WRONG
        back = f"Commit {old[:7]} is back."
        wrong = "The edits of dull could not be applied."
        aider.escalate(wrong, back, to="dull", typed="/escalate dull")
        assert len(desk.paid.chats) == 1
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        # Half of it is there; the file that it names would be a second call.
        desk.paid.text = "See `loose.py`, too.\n\n" + HALF
        half = "Some edits of the new answer could not be applied. Keep the others?"
        aider.escalate(half, to="dull", typed="/escalate dull")
        assert "Add file to the chat?" not in aider.screen.text
        assert "salute" in desk.text()
        new = desk.head
        aider.say("", back, f"The new answer was commit {new[:7]}; git has it: git cherry-pick")
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        assert len(desk.paid.chats) == 2
        # The free model is asked again with the file, as ever.
        desk.upstream.text = "See `loose.py`, too."
        calls = len(desk.upstream.chats)
        aider.say("and now?", "Add file to the chat?")
        aider.say("y", "Tokens:")
        wait_for(lambda: len(desk.upstream.chats) == calls + 2)
        aider.prompt()


def test_what_is_saved_before_the_new_commit_stays_in_it(desk: Desk) -> None:
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        desk.notes.script("hang")
        aider.escalate("Applied edit to hello.py")
        save_before_the_commit(aider, 2)
        aider.see(KEEP)
        new = desk.head
        assert desk.git("show", "HEAD:hello.py") == BETTER + MINE
        aider.say(
            "n",
            "The new answer stays in your files: hello.py was changed before it was",
            f"The answer before stays aside; to have it: git cherry-pick {old[:7]}",
        )
        aider.prompt()
    assert (desk.head, desk.text(), desk.dirty) == (new, BETTER + MINE, "")
    assert old in desk.git("for-each-ref", "refs/lodestar")


def test_what_is_saved_before_the_former_commit_stays_in_it(desk: Desk) -> None:
    with talk(desk, "hello.py") as aider:
        desk.notes.script("hang")
        aider.say("rename hello to greet", "Applied edit to hello.py")
        save_before_the_commit(aider, 1)
        aider.see("You can use /undo")
        old = desk.head
        aider.escalate("the new one comes on top of it: hello.py was changed before it was", KEEP)
        assert MINE.strip() in str(desk.paid.chats[-1].body["messages"])
        aider.say("y", "> ")
        aider.prompt()
        assert desk.git("rev-parse", "HEAD~1").strip() == old


def test_in_a_file_of_commands_nothing_is_sent_for_money(desk: Desk) -> None:
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        (desk.project / "commands").write_text("/escalate mid\n")
        aider.say("/load commands", "Send it to mid, for money?")
        aider.say("y", "/escalate sent nothing: it was called by /load")
        aider.prompt()
        assert not desk.paid.chats
        assert (desk.head, desk.text()) == (old, RENAMED)
        # At the prompt it goes, as ever.
        aider.escalate(KEEP, typed="/escalate mid")
        aider.say("y", "> ")
        aider.prompt()
        assert len(desk.paid.chats) == 1
