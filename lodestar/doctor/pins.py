"""Versions: the Python, what Lodestar asks for, and what its lock file says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from lodestar.doctor.check import Check, Problem
from lodestar.doctor.packages import INSTALL_ANEW

OURS = "lodestar-code"
OLDEST, TOO_NEW = (3, 10), (3, 13)
AT_MOST = 5
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;)?", re.MULTILINE)
_REQUIRED = re.compile(r"^([A-Za-z0-9._-]+)(.*)$")
_RULE = re.compile(r"(==|!=|>=)\s*([0-9A-Za-z.]+)")


def checks() -> list[Check]:
    """The checks of versions in this environment."""
    return [
        Check(f"a Python that Lodestar is made for: {_dotted(sys.version_info[:3])}", python),
        Check("packages of the versions that Lodestar asks for", required),
        Check("packages as the lock file says", lambda: locked(installed_lock())),
    ]


def python(found: tuple[int, ...] = sys.version_info[:3]) -> list[Problem]:
    """A Python that is too old or too new."""
    if OLDEST <= found[:2] < TOO_NEW:
        return []
    do = "LODESTAR_PYTHON=python3.12 scripts/setup --redo"
    why = f"Lodestar needs {_dotted(OLDEST)} or newer, and older than {_dotted(TOO_NEW)}"
    return [Problem(f"Python is {_dotted(found)}", do, why)]


def required() -> list[Problem]:
    """Packages that are missing, or of a version that Lodestar does not work with."""
    try:
        lines = [line for line in requires(OURS) or () if ";" not in line]
    except PackageNotFoundError:
        return [Problem(f"{OURS} is not installed as a package", INSTALL_ANEW, level="warn")]
    return [problem for line in lines if (problem := _unmet(line))]


def installed_lock(prefix: Path = Path(sys.prefix)) -> Path | None:
    """The lock file that this environment was made from; None where it was made otherwise."""
    path = prefix / "setup" / "lock.txt"
    return path if path.is_file() else None


def locked(lock: Path | None) -> list[Problem]:
    """Packages that differ from the lock, and a lock that is not the source's any more."""
    if lock is None:
        return []
    text = lock.read_text("utf-8")
    wrong = list(_differing(_pins(text)))
    found = []
    if wrong:
        more = f", and {len(wrong) - AT_MOST} more" if len(wrong) > AT_MOST else ""
        what = f"not as the lock file says: {', '.join(wrong[:AT_MOST])}{more}"
        found.append(Problem(what, INSTALL_ANEW, "something was installed beside it"))
    source = Path(__file__).parents[2] / "requirements" / "lock.txt"
    if source.is_file() and source.read_text("utf-8") != text:
        why = f"{source} has changed since"
        found.append(Problem("the environment is an older one", "scripts/setup", why, "warn"))
    return found


def _pins(text: str) -> Mapping[str, str]:
    """Names and versions of a lock; what holds for some systems only is left out."""
    return {name: number for name, number, marker in _PINNED.findall(text) if not marker}


def _differing(pins: Mapping[str, str]) -> Iterator[str]:
    for name, number in pins.items():
        try:
            there = distribution(name).version
        except PackageNotFoundError:
            yield f"{name} is missing"
            continue
        # A build of our own may add to it, after a plus sign.
        if there.partition("+")[0] != number.partition("+")[0]:
            yield f"{name} is {there}, not {number}"


def _unmet(line: str) -> Problem | None:
    found = _REQUIRED.match(line)
    if found is None:
        return None
    name, rules = found[1], found[2]
    try:
        there = version(name)
    except PackageNotFoundError:
        return Problem(f"{name} is missing", INSTALL_ANEW)
    if all(_holds(there, sign, wanted) for sign, wanted in _RULE.findall(rules)):
        return None
    return Problem(f"{name} is {there}; Lodestar asks for {rules.strip()}", INSTALL_ANEW)


def _holds(there: str, sign: str, wanted: str) -> bool:
    if sign == ">=":
        return _numbers(there) >= _numbers(wanted)
    return (there.partition("+")[0] == wanted) is (sign == "==")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
