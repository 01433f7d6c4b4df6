"""What the doctor says of versions, and of an edit that does not work."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.doctor import edit, pins
from lodestar.loading import load


@pytest.mark.parametrize(
    ("version", "well"), [((3, 10, 0), True), ((3, 12, 9), True), ((3, 9, 9), False),
                          ((3, 13, 0), False)],
)  # fmt: skip
def test_a_python_that_is_too_old_or_too_new_is_named(version: tuple[int, ...], well: bool) -> None:
    assert (not pins.python(version)) is well


def test_packages_that_differ_from_the_lock_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        f"pluggy=={version('pluggy')} \\\n    --hash=sha256:00\n"
        "pydantic==0.0.1 \\\n    --hash=sha256:00\nno-such-package==1.0\n"
        "only-elsewhere==1.0 ; sys_platform == 'win32'\n"
    )
    first = pins.locked(lock)[0]
    assert first.what == (
        f"not as the lock file says: pydantic is {version('pydantic')}, not 0.0.1,"
        " no-such-package is missing"
    )
    assert pins.locked(None) == []


@pytest.mark.parametrize(
    ("there", "sign", "wanted", "holds"),
    [("1.82.7", "!=", "1.82.7", False), ("1.82.6", "!=", "1.82.7", True),
     ("0.86.2", "==", "0.86.2", True), ("0.86.20", "==", "0.86.2", False),
     ("3.13.0", ">=", "3.13", True), ("3.9.1", ">=", "3.13", False),
     ("0.3.36+cpu", "==", "0.3.36", True)],
)  # fmt: skip
def test_a_version_is_compared_with_what_is_asked_for(
    there: str, sign: str, wanted: str, holds: bool
) -> None:
    assert pins._holds(there, sign, wanted) is holds


@pytest.mark.parametrize(
    ("code", "edits", "what", "why"),
    [
        (1, False, "`lodestar code` failed", "error: no model; why: it is gone"),
        (0, False, "demo did not make the edit", "the file is as it was"),
        (0, True, "the edit was not committed", ""),
    ],
)
def test_an_edit_that_does_not_work_says_where_it_ended(
    code: int, edits: bool, what: str, why: str, isolated_home: Path, mocker: MockerFixture
) -> None:
    def instead(project: Path, _: object) -> subprocess.CompletedProcess[str]:
        if edits:
            (project / "hello.py").write_text("def greet(): ...\n")
        said = "warning: x\nerror: no model\nwhy: it is gone\n"
        return subprocess.CompletedProcess([], code, "", said)

    mocker.patch.object(edit, "_edit", instead)
    context = load()
    (problem,) = edit.broken(context, "demo", context.catalog.get("demo"))
    assert (problem.what, problem.why, problem.level) == (what, why, "fail")
