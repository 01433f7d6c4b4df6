"""The archives that are given to others hold all that a clone has."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, build

PACKAGES = {
    "lodestar": "lodestar",
    "shims/lodestar_shim": "lodestar_shim",
    "shims/lodestar_aider": "lodestar_aider",
    "shims/lodestar_engine": "lodestar_engine",
    "shims/lodestar_translator": "lodestar_translator",
    "profiles": "lodestar/_profiles",
}


def contents(wheel: Path) -> dict[str, int]:
    """The files of a wheel with their checksums, without what describes the wheel itself."""
    with zipfile.ZipFile(wheel) as archive:
        found = {one.filename: one.CRC for one in archive.infolist()}
    return {name: crc for name, crc in found.items() if ".dist-info/" not in name}


def test_the_source_archive_holds_every_tracked_file(sdist: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this tree is no git repository, so nothing says which files belong to it")
    with tarfile.open(sdist) as archive:
        packed = {name.split("/", 1)[-1] for name in archive.getnames()}
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert not tracked - packed
    assert not {name for name in packed if name.startswith((".venv/", "build/", ".git/"))}


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    packed = contents(wheel)
    missing = [
        name
        for source, target in PACKAGES.items()
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        if (name := f"{target}/{path.relative_to(ROOT / source)}") not in packed
    ]
    assert not missing
    assert "lodestar_engine/models/demo.gguf" in packed
    for module in ("usage_tracker", "learning", "health_monitor"):
        assert [name for name in packed if name.startswith(f"lodestar/modules/{module}/tests/")]


def test_the_wheel_is_the_same_from_the_clone_and_from_the_source_archive(
    wheel: Path, tmp_path: Path
) -> None:
    assert contents(build("wheel", ROOT, tmp_path)) == contents(wheel)
