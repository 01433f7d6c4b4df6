"""The source archive, the wheel that is built from it, and an environment that has only the wheel.

Nothing is fetched: what the wheel requires is linked from the environment the tests run in, so
that packages of the build and test groups are left behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SITE = Path(sysconfig.get_paths()["purelib"])


@dataclass(frozen=True)
class Bare:
    """An environment in which the wheel is installed, and nothing that it does not require."""

    root: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def program(self) -> Path:
        """The command `lodestar` as the installer made it."""
        return self.root / "bin" / "lodestar"

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return self.root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / SITE.name

    def run(self, *command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in `cwd`, without what the test's own Python was told."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            command,
            cwd=cwd,
            env={**env, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )


def build(target: str, source: Path, folder: Path) -> Path:
    """Build a wheel or an sdist of the tree `source`; returns the archive."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(folder.iterdir())


@pytest.fixture(scope="package")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source archive of this tree."""
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="package")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that is in the source archive."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        if sys.version_info >= (3, 12):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
    return next(folder.iterdir())


@pytest.fixture(scope="package")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that an installer builds from the source archive."""
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="package")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """The wheel, installed by pip, with its requirements and without the groups."""
    made = Bare(tmp_path_factory.mktemp("bare"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made.root], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    for package in required("lodestar-code"):
        _link(package, made.site)
    return made


def required(name: str) -> list[Distribution]:
    """The distributions that `name` requires, directly or not, without extras and groups."""
    found: dict[str, Distribution] = {}
    wanted = list(_requirements(distribution(name), frozenset()))
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        one = wanted.pop()
        step = (one.name.lower(), frozenset(one.extras))
        if step not in seen:
            seen.add(step)
            found[step[0]] = distribution(one.name)
            wanted += _requirements(found[step[0]], step[1])
    return list(found.values())


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in package.requires or ():
        one = Requirement(line)
        contexts = [{"extra": extra} for extra in ("", *extras)]
        if one.marker is None or any(one.marker.evaluate(context) for context in contexts):
            yield one


def _link(package: Distribution, site: Path) -> None:
    tops = {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "bin")}
    for top in tops - {"__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(package.locate_file(top))))
