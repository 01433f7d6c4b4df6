"""The Python environment: what runs at every start, and whether packages are as installed.

In March 2026 litellm 1.82.7 and 1.82.8 came with a `.pth` file that stole keys at any start of
Python (PYSEC-2026-2). Python runs each line of a `.pth` file that begins with `import`.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from lodestar.doctor.check import Check, Problem

STARTERS = ("sitecustomize.py", "usercustomize.py")
"""Modules that Python imports unasked when it starts."""
MALICIOUS = {"litellm": ("1.82.7", "1.82.8")}
WATCHED = ("aider-chat", "litellm", "lodestar-code")
"""Packages that see prompts or keys; their files are compared with what was installed."""
AIDER = "0.86."
INSTALL_ANEW = "throw the environment away and set it up anew: scripts/setup --redo"


def checks(folders: tuple[Path, ...] = ()) -> list[Check]:
    """The checks of an environment; of this one unless its site-packages are given."""
    sites = folders or (Path(sysconfig.get_paths()["purelib"]),)
    return [
        Check("what Python runs at each start", lambda: [p for s in sites for p in starters(s)]),
        Check("no malicious package", malicious),
        Check("packages as they were installed", lambda: list(changed(WATCHED))),
        Check("an Aider that Lodestar knows", unknown_aider),
    ]


def starters(site: Path) -> list[Problem]:
    """Files that run at each start and that no package has brought."""
    known = {
        Path(str(one.locate_file(file))).resolve()
        for one in distributions(path=[str(site)])
        for file in one.files or ()
        if len(file.parts) == 1
    }
    found = [path for path in sorted(site.glob("*.pth")) if _runs_code(path)]
    found += [site / name for name in STARTERS if (site / name).exists()]
    return [
        Problem(f"{path} runs at each start of Python, and no package has brought it", f"rm {path}")
        for path in found
        if path.resolve() not in known
    ]


def malicious() -> list[Problem]:
    """Packages of a version that is known to do harm."""
    found = ((name, _version(name), bad) for name, bad in MALICIOUS.items())
    return [
        Problem(f"{name} {version} steals keys", f"{INSTALL_ANEW}; then change all your keys")
        for name, version, bad in found
        if version in bad
    ]


def changed(names: tuple[str, ...]) -> Iterator[Problem]:
    """The first file of each package that is not as its installer wrote it."""
    for name in names:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        for path in _differing(package):
            yield Problem(f"{path} of {name} is not what was installed", INSTALL_ANEW)
            break


def unknown_aider() -> list[Problem]:
    """An Aider whose insides the launcher does not know, or none."""
    version = _version("aider-chat")
    if version is None:
        return [Problem(f"{sys.executable} has no Aider", INSTALL_ANEW)]
    if version.startswith(AIDER):
        return []
    return [Problem(f"Aider is {version}; Lodestar is made for {AIDER}x", INSTALL_ANEW)]


def _runs_code(path: Path) -> bool:
    lines = path.read_text("utf-8", "replace").splitlines()
    return any(line.startswith(("import ", "import\t")) for line in lines)


def _differing(package: Distribution) -> Iterator[Path]:
    for name, digest, _ in csv.reader((package.read_text("RECORD") or "").splitlines()):
        # A command's script is made by the installer, each in its own way.
        if digest.startswith("sha256=") and not name.startswith(".."):
            path = Path(str(package.locate_file(name)))
            if not path.is_file() or _sha256(path) != digest.removeprefix("sha256="):
                yield path


def _sha256(path: Path) -> str:
    """As a RECORD file writes it."""
    digest = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None
