"""`lodestar code --tag`: from the flag to the report, with a real session."""

from __future__ import annotations

import json

from tests.e2e.conftest import RENAMED, FakedMachine

EDIT = ("--yes-always", "--message", "rename hello to greet", "hello.py")


def test_a_tagged_session_is_found_by_its_tag(faked: FakedMachine) -> None:
    done = faked.run("code", "--tag", "client=acme", *EDIT)
    assert (done.returncode, faked.text()) == (0, RENAMED), done.stderr
    report = json.loads(faked.run("usage", "--by", "tag", "--json").stdout)
    assert [row["tag"] for row in report["data"]] == ["client=acme"]
    assert report["totals"]["calls"] >= 1


def test_a_tag_that_is_none_is_refused_before_anything_starts(faked: FakedMachine) -> None:
    done = faked.run("code", "--tag", "two words", *EDIT)
    assert done.returncode == 2
    assert "`tag` is not valid" in done.stderr
    assert not faked.processes()
