"""`/escalate` under a real Aider: a second answer for money, and nobody's work is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import RENAMED, SOURCE, FakedMachine
from tests.e2e.talk import Desk, talk, whole
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

WRONG = (
    "hello.py\n```\n<<<<<<< SEARCH\ndef nobody(wrote, this): pass\n=======\n>>>>>>> REPLACE\n```\n"
)
BETTER = RENAMED.replace("greet", "salute")
KEEP = "Keep the new answer? (Y)es/(N)o [Yes]:"


@pytest.fixture
def desk(tmp_path: Path, isolated_home: Path, faked: FakedMachine) -> Iterator[Desk]:
    with Upstream(text=whole(BETTER)) as paid, Upstream(text="change a name") as notes:
        yield Desk(tmp_path / "desk", isolated_home, faked.upstream, paid, notes)


def test_the_last_message_goes_up_a_tier_from_where_it_began_and_the_pair_is_stored(
    desk: Desk,
) -> None:
    start = desk.head
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        assert desk.text() == RENAMED
        terms = aider.say("/escalate", "Send it to mid, for money? (Y)es/(N)o [No]:")
        assert "mid: $3.00 in, $15.00 out per million tokens" in terms
        assert "your last message again: under a cent for this message" in terms
        assert not desk.paid.chats
        aider.say("y", f"Commit {old[:7]} is taken back", KEEP)
        aider.say("", f"The answer before was commit {old[:7]}")
        new = desk.head
        assert desk.text() == BETTER
        assert desk.git("rev-parse", "HEAD~1").strip() == start
        assert desk.dirty == ""
        desk.upstream.clear()
        aider.say("and now?", "Tokens:")
    (sent,) = desk.paid.chats
    words = [str(m["content"]) for m in sent.body["messages"]]
    assert sum("rename hello to greet" in text for text in words) == 1
    assert not any("greet():" in text for text in words), "the former answer was in the chat"
    assert "def hello():" in " ".join(words)
    # The next message goes to the old model, and knows the new answer.
    after = [str(m["content"]) for m in desk.upstream.chats[0].body["messages"]]
    assert any("salute():" in text for text in after)
    assert not any("greet():" in text for text in after)
    (pair,) = wait_for(lambda: desk.signals("escalated"))
    assert (pair["kept"], pair["served_alias"], pair["commit_hash"]) == ("new", "mid", new)
    old_one = desk.rows("SELECT id FROM exchanges WHERE client_request = ?", pair["from_request"])
    signals = desk.rows(
        "SELECT type, commit_hash FROM signals WHERE exchange_id = ?", old_one[0]["id"]
    )
    assert {"type": "undo", "commit_hash": old} in signals
    reasons = desk.rows("SELECT route_reason FROM exchanges WHERE served_alias = 'mid'")
    assert reasons == [{"route_reason": "you asked: /escalate"}]
    assert desk.git("for-each-ref", "refs/lodestar") == ""
    shown = desk.run("log", "show", pair["exchange_id"]).stdout
    assert "answered mid (you asked: /escalate)" in shown
    assert "signal   escalated " in shown
    assert "kept new" in shown


def test_who_keeps_the_former_answer_has_its_commit_back_and_may_go_up_once_more(
    desk: Desk,
) -> None:
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        desk.upstream.clear()
        aider.escalate(KEEP)
        aider.say("n", f"Commit {old[:7]} is back.")
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        assert desk.git("for-each-ref", "refs/lodestar") == ""
        # Interrupted: the same.
        desk.paid.script("hold")
        aider.escalate("taken back", "Certainly", to="top")
        # Who is killed here finds the commit under a name.
        assert old in desk.git("for-each-ref", "refs/lodestar")
        assert desk.text() == SOURCE
        aider.screen.send("\x03")
        aider.see("The answer of top was interrupted.", f"Commit {old[:7]} is back.")
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        # The provider is down: the same.
        desk.paid.script("401")
        aider.escalate(
            "There is no answer of top.",
            f"Commit {old[:7]} is back.",
            to="top",
            typed="/escalate top",
        )
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        aider.say("/escalate", "there is no key for a model above `top`")
        aider.say("and now?", "Tokens:")
        last = [str(m["content"]) for m in desk.upstream.chats[-1].body["messages"]]
        aider.prompt()
        assert any("greet():" in text for text in last)
        assert not any("salute" in text for text in last)
    assert [chat.body["model"] for chat in desk.paid.chats] == ["mid", "top", "top"]
    assert not any("greet():" in str(chat.body["messages"]) for chat in desk.paid.chats)
    pairs = wait_for(lambda: desk.signals("escalated"))
    assert [pair["kept"] for pair in pairs] == ["old", "old", "old"]
    assert [pair["why"] for pair in pairs] == [
        "you chose",
        "The answer of top was interrupted.",
        "There is no answer of top.",
    ]
    assert len({pair["from_request"] for pair in pairs}) == 1


def test_work_that_is_not_committed_stays_whatever_is_answered_and_kept(desk: Desk) -> None:
    with talk(desk, "hello.py") as aider:
        # A change to the same file: the new answer comes on top, and Aider commits that first.
        old = aider.edit()
        mine = RENAMED + "# mine\n"
        (desk.project / "hello.py").write_text(mine)
        aider.escalate(
            "The answer before stays, the new one comes on top of it:",
            "hello.py has uncommitted changes",
            KEEP,
        )
        assert "# mine" in str(desk.paid.chats[-1].body["messages"])
        assert desk.text() == BETTER
        aider.say("n", "> ")
        aider.prompt()
        assert (desk.text(), desk.dirty) == (mine, "")
        assert desk.git("rev-parse", "HEAD~1").strip() == old
        # What is staged and changed in other files is as it was, back and forth.
        start = desk.head
        desk.upstream.text = whole("print('new')\n", "born.py")
        aider.say("write born.py", "Create new file?")
        aider.say("y", "You can use /undo")
        (desk.project / "loose.py").write_text("loose\n")
        (desk.project / "staged.py").write_text("staged\n")
        desk.git("add", "staged.py")
        (desk.project / "staged.py").write_text("and changed\n")
        before, born = desk.git("status", "--porcelain"), desk.head
        desk.paid.text = whole("print('better')\n", "born.py")
        aider.escalate("taken back", "Create new file?")
        assert desk.head == start
        assert not (desk.project / "born.py").exists()
        aider.say("y", KEEP)
        assert desk.text("born.py") == "print('better')\n"
        assert desk.git("status", "--porcelain") == before
        aider.say("n", f"Commit {born[:7]} is back.")
        assert (desk.head, desk.text("born.py")) == (born, "print('new')\n")
        assert desk.git("status", "--porcelain") == before
        assert desk.git("show", ":staged.py") == "staged\n"
        assert desk.text("staged.py") == "and changed\n"
        # The user commits in another window while the paid model writes.
        desk.paid.script("hold")
        desk.paid.text = whole("print('third')\n", "born.py")
        aider.escalate("taken back", "Certainly", to="top")
        desk.git("commit", "-qm", "mine", "staged.py")
        mine_too = desk.head
        desk.paid.release()
        aider.see("Create new file?")
        aider.say("y", KEEP)
        aider.say("n", f"stays aside; to have it: git cherry-pick {born[:7]}")
        assert (desk.head, desk.text("staged.py")) == (mine_too, "and changed\n")
        assert not (desk.project / "born.py").exists()
        assert born in desk.git("for-each-ref", "refs/lodestar")
        desk.git("cherry-pick", born)
        assert desk.text("born.py") == "print('new')\n"


def test_after_undo_and_clear_and_for_a_question_only_the_message_goes_again(desk: Desk) -> None:
    with talk(desk, "hello.py", "--no-dirty-commits") as aider:
        start = desk.head
        aider.edit()
        aider.say("/undo", "Now at:")
        aider.escalate(KEEP)
        assert not any("greet():" in str(c.body["messages"]) for c in desk.paid.chats)
        aider.say("n", "> ")
        aider.prompt()
        assert (desk.head, desk.text(), desk.dirty) == (start, SOURCE, "")
        aider.say("/clear", "All chat history cleared.")
        aider.escalate(KEEP, to="top")
        aider.say("y", "> ")
        aider.prompt()
        assert desk.text() == BETTER
        kept = desk.head
        desk.upstream.text, desk.paid.text = "It greets.", "It salutes, of course."
        aider.say("/ask what does it do?", "It greets.", "local-coder")
        aider.escalate("It salutes", KEEP)
        sent = [str(m["content"]) for m in desk.paid.chats[-1].body["messages"]]
        assert not any("It greets." in text for text in sent)
        assert sent[-1].startswith("what does it do?")
        aider.say("y", "> ")
        aider.prompt()
        desk.upstream.clear()
        aider.say("and now?", "Tokens:")
        after = [str(m["content"]) for m in desk.upstream.chats[0].body["messages"]]
        assert any("It salutes" in text for text in after)
        assert not any("It greets." in text for text in after)
        assert (desk.head, desk.dirty) == (kept, "")
        # A commit of the answer with work of the user in it, which nothing else has, stays.
        (desk.project / "hello.py").write_text(BETTER + "# mine\n")
        desk.upstream.text, desk.paid.text = whole(RENAMED), whole(BETTER)
        old = aider.edit()
        why = "hello.py had uncommitted changes before the"
        aider.escalate(why, KEEP, typed="/escalate mid")
        aider.say("n", "> ")
        aider.prompt()
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
    kinds = desk.rows("SELECT kind FROM exchanges WHERE served_alias IN ('mid', 'top')")
    assert [row["kind"] for row in kinds] == ["edit", "edit", "ask", "edit"]


def test_what_came_to_no_good_end_leaves_all_as_it_was(desk: Desk, tmp_path: Path) -> None:
    with talk(desk, "hello.py") as aider:
        old = aider.edit()
        # Ctrl-C while the commit message is written: the edit is in the file already.
        desk.notes.script("hang")
        aider.escalate("Applied edit to hello.py")
        wait_for(lambda: len(desk.notes.chats) == 2)
        assert desk.text() == BETTER
        aider.screen.send("\x03")
        aider.see("The answer of mid was interrupted.", f"Commit {old[:7]} is back.")
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        # An edit that cannot be applied, four times.
        desk.paid.text = WRONG
        aider.escalate(
            "The edits of dull could not be applied.",
            f"Commit {old[:7]} is back.",
            to="dull",
            typed="/escalate dull",
        )
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        # No edit at all: who says nothing keeps the commit.
        desk.paid.text = "What for?"
        question = "The new answer changed no file. Keep it, without the commit before?"
        aider.escalate(question, typed="/escalate mid")
        aider.say("", f"Commit {old[:7]} is back.")
        assert (desk.head, desk.text(), desk.dirty) == (old, RENAMED, "")
        desk.paid.text = whole(BETTER)
        # No branch, and what others have.
        desk.git("checkout", "-q", "--detach")
        aider.escalate("on top of it: no branch is checked out", KEEP, typed="/escalate mid")
        aider.say("y", "> ")
        aider.prompt()
        assert desk.git("rev-parse", "HEAD~1").strip() == old
        desk.git("checkout", "-q", "main")
        desk.upstream.text = whole(RENAMED.replace("greet", "wave"))
        old = aider.edit("rename it again")
        desk.git("clone", "-q", "--bare", ".", str(tmp_path / "remote"))
        desk.git("remote", "add", "origin", str(tmp_path / "remote"))
        desk.git("fetch", "-q", "origin")
        aider.escalate("on top of it: it is pushed already", KEEP)
        aider.say("y", "> ")
        aider.prompt()
        assert desk.git("rev-parse", "HEAD~1").strip() == old
    assert desk.git("for-each-ref", "refs/lodestar") == ""
    assert [pair["kept"] for pair in wait_for(lambda: desk.signals("escalated"))] == [
        *["old"] * 3,
        *["new"] * 2,
    ]


def test_without_commits_the_answers_alone_change_and_an_architect_has_the_same_editor(
    desk: Desk,
) -> None:
    start = desk.head
    with talk(desk, "hello.py", "--no-auto-commits") as aider:
        aider.say("rename hello to greet", "Applied edit to")
        aider.escalate("on top of it: its edits were not committed", KEEP)
        assert desk.text() == BETTER
        aider.say("n", "> ")
        aider.prompt()
        assert desk.text() == RENAMED
    desk.git("checkout", "-q", "hello.py")
    with talk(desk, "hello.py") as aider:
        aider.say("/architect rename hello to greet", "Applied edit to", "Commit ")
        aider.prompt()
        old = desk.head
        desk.upstream.clear()
        desk.paid.text = "Rename it to greet, it is fine."
        aider.escalate(f"Commit {old[:7]} is taken back", "it is fine", "Applied edit to", KEEP)
        aider.say("y", "> ")
        aider.prompt()
        assert desk.git("rev-parse", "HEAD~1").strip() == start
        assert [chat.body["model"] for chat in desk.upstream.chats] == ["free"]
        assert "Main model: openai/local-coder" in aider.say("/model", "Weak model")
    reasons = desk.rows(
        "SELECT kind, route_reason FROM exchanges WHERE kind IN ('architect', 'editor')"
    )
    assert [(row["kind"], row["route_reason"]) for row in reasons] == [
        ("architect", "you asked"),
        ("editor", "you asked"),
        ("architect", "you asked: /escalate"),
        ("editor", "you asked"),
    ]
