"""`lodestar doctor` says what is wrong with the home and its database, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.cli.main import run
from lodestar.doctor import packages
from lodestar.doctor.check import Check, Problem
from lodestar.doctor.check import run as look

Printed = pytest.CaptureFixture[str]


def test_a_fresh_home_is_well(isolated_home: Path, capsys: Printed) -> None:
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "[ok] a sound database\n" in said
    assert "[ok] models that answer\n" in said, "the modules' checks are among them"


def test_json_has_the_same_findings(isolated_home: Path, capsys: Printed) -> None:
    assert run(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "lodestar.doctor/1"
    assert {one["ok"] for one in found["data"]} == {True}


def test_a_damaged_database_is_a_finding_and_the_rest_is_still_looked_at(
    isolated_home: Path, capsys: Printed
) -> None:
    isolated_home.mkdir(mode=0o700)
    (isolated_home / "usage.db").write_bytes(b"no database at all" * 400)
    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "[problem] a sound database\n" in said
    assert "[ok] no malicious package\n" in said


@pytest.mark.parametrize(
    ("version", "bad"), [("1.82.7", True), ("1.82.8", True), ("1.81.10", False)]
)
def test_a_version_that_steals_is_named(version: str, bad: bool, mocker: MockerFixture) -> None:
    mocker.patch.object(packages, "_version", return_value=version)
    assert bool(packages.malicious()) is bad


@pytest.mark.parametrize(("version", "known"), [("0.86.2", True), ("0.87.0", False), (None, False)])
def test_an_unknown_aider_is_named(version: str | None, known: bool, mocker: MockerFixture) -> None:
    mocker.patch.object(packages, "_version", return_value=version)
    assert bool(packages.unknown_aider()) is not known


@pytest.mark.parametrize(
    ("name", "text", "runs"),
    [
        ("a.pth", "import os\n", True),
        ("a.pth", "# a path\n/somewhere\n", False),
        ("usercustomize.py", "", True),
        ("other.py", "import os\n", False),
    ],
)
def test_only_what_python_runs_at_each_start_is_named(
    name: str, text: str, runs: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert [p.do for p in packages.starters(tmp_path)] == (
        [f"rm {tmp_path / name}"] if runs else []
    )


def test_what_a_package_has_brought_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("import os\n")
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: a\nVersion: 1\n")
    (info / "RECORD").write_text("a.pth,,\n")
    assert Distribution.at(info).version == "1"
    assert not packages.starters(tmp_path)


def _fails() -> list[Problem]:
    raise OSError("gone")


@pytest.mark.parametrize(("work", "well"), [(list, True), (_fails, False)])
def test_a_check_that_fails_is_a_finding(work: Callable[[], list[Problem]], well: bool) -> None:
    assert look(Check("a thing", work)).is_well is well
