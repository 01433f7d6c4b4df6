"""A copy of the scripts in a folder of its own, with a Python that only pretends to install."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_TOOLS = (
    "awk bash cat cksum cmp cp cut date dirname env getconf git grep gzip head id mkdir mv"
    " readlink rm sed sleep sort tail tar touch tr uname"
)

# Answers as the Python it stands for; `-m venv` and `-m pip` leave what they would leave.
FAKE_PYTHON = """#!/bin/bash
printf '%s\\n' "$*" >>"$FAKE_CALLS"
hold() { if [[ -n ${FAKE_HOLD-} && -e $FAKE_HOLD ]]; then
    touch "$FAKE_HOLD.reached"; while [[ -e $FAKE_HOLD ]]; do sleep 0.05; done; fi; }
site() { printf '%s' "${0%/bin/python}/lib/python3.11/site-packages"; }
case "$*" in
*ensurepip*) printf '%s\\n' "${FAKE_ANSWER:-3.11 ok}" ;;
*" -m venv "*) mkdir -p "$4/bin" "$4/lib/python3.11/site-packages" && cp "$0" "$4/bin/python" ;;
*"-m pip"*" download "*) hold; cp "$FAKE_SDIST" "${@: -3:1}/" ;;
*"-m pip"*" -e "*) cp "$FAKE_PROGRAM" "${0%/*}/lodestar" ;;
*"-m pip"*.whl) mkdir -p "$(site)/llama_cpp_python-$FAKE_VERSION.dist-info" &&
    touch "$(site)/llama_cpp_python-$FAKE_VERSION.dist-info/RECORD" ;;
*"-m pip"*packages.txt) hold ;;
*"-m pip"* | *"import llama_cpp"* | *"import aider"* | *"sys, pip"*) ;;
*scikit_build_core*) [[ -z ${FAKE_BREAK-} ]] || { echo "try.cpp: no such thing"; exit 1; }
    touch "${@: -1}/llama_cpp_python-$FAKE_VERSION-py3-none-any.whl" ;;
*) exec "$REAL_PYTHON" "$@" ;;
esac
"""
PROGRAM = "import sys; print(sys.argv[1:]); sys.exit(7)"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until the condition holds; fails the test after that many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Clone:
    """The scripts in `path`, run with nothing on PATH but `tools`."""

    def __init__(self, path: Path, tools: Path, user: Path) -> None:
        self.path, self.tools = path, tools
        self.calls = user / "calls"
        self.version = re.findall(r"^llama-cpp-python==(\S+)", lock_text(), re.M)[0]
        self.env = {
            "PATH": str(tools),
            "HOME": str(user),
            "FAKE_CALLS": str(self.calls),
            "FAKE_PROGRAM": str(user / "program.py"),
            "FAKE_SDIST": str(user / f"llama_cpp_python-{self.version}.tar.gz"),
            "FAKE_VERSION": self.version,
            "REAL_PYTHON": sys.executable,
        }

    def start(self, script: str, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start a script; stdout and stderr are pipes."""
        return subprocess.Popen(
            [str(self.path / "scripts" / script), *args],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        process = self.start(script, *args, **env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def called(self, words: str) -> int:
        """How many calls of the fake Python had these words."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return sum(words in line for line in lines)

    def wheel(self) -> str:
        """A ready-made engine wheel, by its name."""
        file = self.path.parent / f"llama_cpp_python-{self.version}-py3-none-any.whl"
        file.touch()
        return str(file)


def lock_text() -> str:
    """The lock file of this repository."""
    return (ROOT / "requirements" / "lock.txt").read_text()


def link_tools(folder: Path, names: str) -> None:
    """Link the machine's own tools into the folder that becomes PATH."""
    folder.mkdir()
    for name in names.split():
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)


def executable(file: Path, text: str) -> None:
    """Write a file that can be run."""
    file.write_text(text)
    file.chmod(0o755)


def pack_sdist(clone: Clone, folder: Path) -> None:
    """What the fake pip "downloads" as the engine's source."""
    top = f"llama_cpp_python-{clone.version}"
    (folder / top).mkdir()
    subprocess.run(["tar", "-czf", clone.env["FAKE_SDIST"], "-C", folder, top], check=True)


@pytest.fixture(autouse=True)
def heed_interrupts() -> Iterator[None]:
    """Started in the background, pytest ignores SIGINT, and would hand that on to the scripts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A clone as git would leave it, on a machine with Python 3.11 and compilers."""
    path, user = tmp_path / "a clone", tmp_path / "user"
    user.mkdir()
    (path / "requirements").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", path / "scripts")
    shutil.copy(ROOT / "requirements" / "lock.txt", path / "requirements")
    (path / "pyproject.toml").write_text("[project]\n")
    (user / "program.py").write_text(PROGRAM)
    link_tools(tmp_path / "tools", SYSTEM_TOOLS)
    made = Clone(path, tmp_path / "tools", user)
    executable(made.tools / "python3.11", FAKE_PYTHON)
    for name in ("cc", "c++"):
        executable(made.tools / name, "#!/bin/bash\necho compiler 1.0\n")
    executable(made.tools / "df", "#!/bin/bash\necho '/dev/x 9 9 50000 1% /'\n")
    pack_sdist(made, tmp_path)
    yield made
    assert not os.path.exists(ROOT / "scripts" / ".venv")
