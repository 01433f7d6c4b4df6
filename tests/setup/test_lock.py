"""The lock file and the small chores around it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.setup.conftest import ROOT, Clone, lock_text

PINS = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ \\]+)", lock_text(), re.M))


def test_every_pin_has_a_hash() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", lock_text(), flags=re.M)[1:]
    assert blocks
    assert not [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]


def test_aider_is_the_version_the_launcher_knows() -> None:
    assert PINS["aider-chat"] == "0.86.2"


def test_the_lock_names_no_index() -> None:
    assert "://" not in lock_text()
    assert "index-url" not in lock_text()


def test_the_build_tools_come_from_the_lock() -> None:
    text = (ROOT / "scripts/build/environment.sh").read_text()
    tools = re.findall(r"build_tools='([^']*)'", text)[0].split()
    assert set(tools) <= set(PINS)
    assert "pip" in PINS


def test_lock_without_uv_says_what_to_do(clone: Clone) -> None:
    result = clone.run("lock")
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["error", "why", "do"]


@pytest.mark.parametrize(
    ("there", "made"), [([], "0001-use-a-lock.md"), (["0009-old.md"], "0010-use-a-lock.md")]
)
def test_adr_new_takes_the_next_number(clone: Clone, there: list[str], made: str) -> None:
    decisions = clone.path / "docs/decisions"
    decisions.mkdir(parents=True)
    for name in there:
        (decisions / name).touch()
    result = clone.run("adr-new", "Use", "a lock!")
    assert result.stdout.strip() == f"docs/decisions/{made}"
    assert "Use a lock!" in (decisions / made).read_text()


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "scripts").iterdir()))
def test_every_script_is_in_the_readme(script: str) -> None:
    if script != "README.md":
        assert f"`{script}" in (ROOT / "scripts/README.md").read_text()


@pytest.mark.parametrize(
    "script", sorted(str(p.relative_to(ROOT)) for p in (ROOT / "scripts").rglob("*"))
)
def test_every_shell_script_parses(script: str) -> None:
    file = Path(ROOT / script)
    if file.is_file() and (
        file.suffix == ".sh" or file.read_text()[:15] == "#!/usr/bin/env b"[:15]
    ):
        subprocess.run(["bash", "-n", file], check=True)


def _install_locked(folder: Path, digest: str) -> subprocess.CompletedProcess[str]:
    """The set-up's own installation of one pin, with real pip, from a folder."""
    wheel = folder / "tiny_thing-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_thing.py", "")
        archive.writestr("tiny_thing-1.dist-info/METADATA", "Name: tiny-thing\nVersion: 1\n")
        archive.writestr("tiny_thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_thing-1.dist-info/RECORD", "tiny_thing.py,,\n")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "pin.txt").write_text(f"tiny-thing==1 --hash=sha256:{digest or right}\n")
    script = (
        'source "$1/scripts/build/environment.sh"; venv=$2; pip() { python -m pip "$@"; };'
        ' install_locked "$3/pin.txt"'
    )
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    return subprocess.run(
        ["bash", "-c", script, "-", str(ROOT), str(folder / "venv"), str(folder)],
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("digest", "installs"), [("", True), ("0" * 64, False)])
def test_a_package_whose_hash_is_not_the_locks_is_not_installed(
    digest: str, installs: bool, tmp_path: Path
) -> None:
    done = _install_locked(tmp_path, digest)
    assert (done.returncode == 0) is installs, done.stderr
    assert bool(list(tmp_path.glob("venv/lib/python*/site-packages/tiny_thing.py"))) is installs
