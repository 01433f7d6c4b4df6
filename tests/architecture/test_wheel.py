"""The built wheel holds all that a clone has, and runs without the clone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "lodestar": "lodestar",
    "shims/lodestar_shim": "lodestar_shim",
    "shims/lodestar_aider": "lodestar_aider",
    "shims/lodestar_engine": "lodestar_engine",
    "profiles": "lodestar/_profiles",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    missing = [
        name
        for source, target in PACKAGES.items()
        for path in (ROOT / source).rglob("*")
        if path.is_file() and not {"tests", "__pycache__"} & set(path.relative_to(ROOT).parts)
        if (name := f"{target}/{path.relative_to(ROOT / source)}") not in packed
    ]
    assert not missing
    assert "lodestar_engine/models/demo.gguf" in packed
    assert not [name for name in packed if "/tests/" in name]


def test_it_runs_without_the_clone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "from lodestar.start import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "models", "list"]
        if sys.version_info >= (3, 11)
        else [sys.executable, "-c", program, "models", "list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "demo model" in done.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import lodestar; print(lodestar.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(tmp_path / "site"))
