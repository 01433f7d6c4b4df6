"""What the shim hears of an answer: what was applied, what failed, what checks said."""

from __future__ import annotations

import pytest

from tests.aider.fake_openai import Chat
from tests.aider.forks import Forks, Run
from tests.aider.place import Place, whole_file

DIFF_SETTINGS = """\
- name: openai/local-coder
  edit_format: {format}
- name: openai/lodestar-weak
"""
TEST = "grep -q bye app.py || { echo no bye; exit 1; }"


def block(name: str, old: str, new: str) -> str:
    """One block of Aider's `diff` format."""
    return f"{name}\n```python\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n"


def use(place: Place, edit_format: str) -> None:
    (place.state / "settings.yml").write_text(DIFF_SETTINGS.format(format=edit_format))


def run(place: Place, forks: Forks, *arguments: str) -> Run:
    """One run of Aider that ends well."""
    done = forks.run(place, place.write_spec(*arguments), place.repo)
    assert done.code == 0, done.output
    return done


def request(chat: Chat) -> str:
    return chat.headers["x-lodestar-request"]


def test_a_failed_block_is_counted_by_file_and_so_are_the_reflections(
    place: Place, forks: Forks
) -> None:
    (place.repo / "lib.py").write_text("alpha = 1\n")
    place.git("add", "lib.py")
    place.git("commit", "-q", "-m", "lib")
    use(place, "diff")
    place.fake.answers = [
        block("app.py", 'print("hello")\n', 'print("bye")\n')
        + block("lib.py", "no such line\n", "beta = 2\n")
        + block("lib.py", "nor this one, by far\n", "gamma = 3\n"),
        block("lib.py", "alpha = 1\n", "alpha = 2\n"),
    ]
    run(place, forks, "--message", "change both", "app.py", "lib.py")
    first, second = place.fake.of_type("apply")
    assert (first["edited"], first["blocks"]) == (["app.py"], 3)
    assert (first["failed"], first["malformed"]) == ({"lib.py": 2}, 1)
    assert (first["reflected"], first["reflections"]) == (True, 0)
    assert (second["edited"], second["blocks"], second["failed"]) == (["lib.py"], 1, {})
    assert (second["reflected"], second["reflections"]) == (False, 1)
    edit, reflection = [chat for chat in place.fake.chats if chat.kind in ("edit", "reflection")]
    assert [first["request"], second["request"]] == [request(edit), request(reflection)]
    assert [c["request"] for c in place.fake.of_type("commit")] == [
        request(edit),
        request(reflection),
    ]


def test_a_hunk_that_does_not_fit_names_its_file(place: Place, forks: Forks) -> None:
    use(place, "udiff")
    hunk = "```diff\n--- app.py\n+++ app.py\n@@ ... @@\n-no such line at all\n+other\n```\n"
    place.fake.answers = [hunk, "I give up."]
    run(place, forks, "--message", "change it", "app.py")
    applied = place.fake.of_type("apply")[0]
    assert (applied["edited"], applied["failed"]) == ([], {"app.py": 1})


def test_an_answer_in_no_edit_format_is_malformed_and_edits_nothing(
    place: Place, forks: Forks
) -> None:
    use(place, "diff")
    place.fake.answers = ["app.py\n```\n<<<<<<< SEARCH\nprint\n>>>>>>> REPLACE\n```\n", "No."]
    run(place, forks, "--message", "change it", "app.py")
    applied = place.fake.of_type("apply")[0]
    assert (applied["edited"], applied["blocks"], applied["malformed"]) == ([], 0, 1)


def test_lint_and_tests_tell_of_the_answer_that_they_were_run_for(
    place: Place, forks: Forks
) -> None:
    """Ctrl-C is the only outcome that needs a terminal: all of these are one run."""
    place.fake.answers = [whole_file("app.py", "print(\n"), whole_file("app.py", 'print("bye")\n')]
    run(place, forks, "--yes-always", "--auto-test", "--test-cmd", TEST, "--message", "x", "app.py")
    lints, (test,) = place.fake.of_type("lint"), place.fake.of_type("test")
    assert [(e["errors"], e["failed"], e["auto"]) for e in lints] == [
        (True, ["app.py"], True),
        (False, [], True),
    ]
    assert (test["errors"], test["auto"]) == (False, True)
    edit, reflection = [chat for chat in place.fake.chats if chat.kind in ("edit", "reflection")]
    assert [e["request"] for e in (*lints, test)] == [
        request(edit),
        request(reflection),
        request(reflection),
    ]


def test_tests_that_fail_are_told_of_each_answer(place: Place, forks: Forks) -> None:
    place.fake.answers = [
        whole_file("app.py", 'print("ciao")\n'),
        whole_file("app.py", 'print("bye")\n'),
    ]
    run(place, forks, "--yes-always", "--auto-test", "--test-cmd", TEST, "--message", "x", "app.py")
    assert [event["errors"] for event in place.fake.of_type("test")] == [True, False]


@pytest.mark.parametrize(("command", "kind"), [("/lint app.py", "lint"), (f"/test {TEST}", "test")])
def test_a_check_that_was_asked_for_is_not_called_automatic(
    place: Place, forks: Forks, command: str, kind: str
) -> None:
    run(place, forks, "--message", command, "app.py")
    (event,) = place.fake.of_type(kind)
    assert event["auto"] is False
    assert event["errors"] is (kind == "test")


def test_what_the_user_had_changed_is_nobodys_answer(place: Place, forks: Forks) -> None:
    (place.repo / "app.py").write_text('print("mine")\n')
    place.fake.answers = [whole_file("app.py", 'print("bye")\nprint("all")\n')]
    run(place, forks, "--message", "say bye", "app.py")
    own, answers = place.fake.of_type("commit")
    edit = next(chat for chat in place.fake.chats if chat.kind == "edit")
    assert (own["request"], own["aider_edits"], own["turn"]) == (None, False, 1)
    assert (answers["request"], answers["aider_edits"]) == (request(edit), True)
    assert answers["lines"] == {"app.py": [2, 1]}


def test_a_commit_that_git_refuses_is_an_error_that_was_shown(place: Place, forks: Forks) -> None:
    hook = place.repo / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    run(place, forks, "--git-commit-verify", "--message", "say bye", "app.py")
    errors = [error["text"] for error in place.fake.of_type("error")]
    assert errors
    assert all("Unable to commit: " in text and "not today" in text for text in errors)
    assert not place.fake.of_type("commit")


def test_an_answer_that_was_cut_off_is_told(place: Place, forks: Forks) -> None:
    place.fake.finish = "length"
    run(place, forks, "--message", "say bye", "app.py")
    assert [e["text"] for e in place.fake.of_type("error")] == [
        "the answer was cut off at the model's output limit"
    ]


@pytest.mark.parametrize("command", ["/clear", "/reset"])
def test_a_chat_that_was_cleared_is_told_and_opens_no_turn(
    place: Place, forks: Forks, command: str
) -> None:
    run(place, forks, "--message", command, "app.py")
    assert place.fake.event_types().count("clear") == 1
    assert not place.fake.of_type("turn")


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (("--message", "/ask why?"), ["ask"]),
        (("--message", "/context where?"), ["ask"]),
        (("--message", "/architect do it"), ["architect", "editor", "commit_message"]),
        (("--message", "do it"), ["edit", "commit_message"]),
        (("--message", "/commit"), ["commit_message"]),
    ],
)
def test_each_kind_of_request_is_told_apart(
    place: Place, forks: Forks, arguments: tuple[str, ...], kinds: list[str]
) -> None:
    changed = whole_file("app.py", 'print("bye")\n')
    place.fake.answers = ["Let app.py say bye.", changed] if "architect" in kinds else [changed]
    if kinds == ["commit_message"]:
        (place.repo / "app.py").write_text('print("mine")\n')
    run(place, forks, "--yes-always", *arguments, "app.py")
    assert place.fake.kinds() == kinds
    answer = place.fake.chats[kinds.index("commit_message") - 1] if len(kinds) > 1 else None
    commits = place.fake.of_type("commit")
    assert [event["request"] for event in commits] == (
        [request(answer)] if answer else [None] * (kinds == ["commit_message"])
    )
