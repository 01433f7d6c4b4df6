"""One edit from a message to a commit, as the shim sees it."""

from __future__ import annotations

import pytest

from tests.aider.place import Place, whole_file


def test_an_edit_reaches_the_shim_with_headers_and_reports_what_became_of_it(
    place: Place, subtests: pytest.Subtests
) -> None:
    """One real Aider start is slow, so one run is looked at from all sides."""
    place.fake.answers = [whole_file("app.py", 'print("bye")\nprint("all")\n')]
    place.fake.broken_channel = 2
    done = place.run("--message", "say bye", "app.py")
    edit, commit_message = place.fake.chats

    with subtests.test("Aider's exit code and output pass through"):
        assert done.returncode == 0, done.stderr
        assert "Applied edit to app.py" in done.stdout
    with subtests.test("the answer was applied and committed"):
        assert (place.repo / "app.py").read_text() == 'print("bye")\nprint("all")\n'
        assert place.git("log", "-1", "--format=%s") == place.fake.commit_message
    with subtests.test("requests carry token, model, kind, turn and an id of their own"):
        assert [chat.model for chat in place.fake.chats] == ["local-coder", "lodestar-weak"]
        assert place.fake.kinds() == ["edit", "commit_message"]
        assert {chat.headers["x-lodestar-turn"] for chat in place.fake.chats} == {"1"}
        bearer = f"Bearer {place.fake.token}"
        assert {chat.headers["authorization"] for chat in place.fake.chats} == {bearer}
        assert _request(edit.headers) != _request(commit_message.headers)
    with subtests.test("the shim's settings for the alias apply"):
        assert edit.body["max_tokens"] == 512
    with subtests.test("events arrive in order although the shim was away at first"):
        assert place.fake.event_types() == ["hooks", "turn", "apply", "commit", "lint", "exit"]
        assert place.fake.of_type("hooks")[0]["ok"] is True
        assert place.fake.of_type("turn")[0]["text_len"] == len("say bye")
        assert place.fake.of_type("exit")[0]["code"] == 0
    with subtests.test("what followed from the answer names its request"):
        for kind in ("apply", "commit", "lint"):
            assert place.fake.of_type(kind)[0]["request"] == _request(edit.headers)
            assert place.fake.of_type(kind)[0]["turn"] == 1
    with subtests.test("the edit and the commit are described"):
        applied, commit = place.fake.of_type("apply")[0], place.fake.of_type("commit")[0]
        assert (applied["edited"], applied["malformed"]) == (["app.py"], 0)
        assert applied["reflected"] is False
        assert commit["hash"] == place.git("rev-parse", "HEAD")
        assert (commit["insertions"], commit["deletions"]) == (2, 1)
        assert (commit["files"], commit["aider_edits"]) == (["app.py"], True)
    with subtests.test("nothing of Aider's is left in the project, and no token in its history"):
        assert place.git("status", "--short") == ""
        assert sorted(path.name for path in place.repo.iterdir()) == [".git", "app.py"]
        assert place.fake.token not in (place.state / "chat.md").read_text()


def _request(headers: dict[str, str]) -> str:
    return headers["x-lodestar-request"]
