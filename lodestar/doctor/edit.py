"""A real edit, from the command to the commit, in a place of its own that is gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from lodestar.doctor.check import Check, Problem
from lodestar.loading import Context
from lodestar.private import bare_environment
from lodestar.settings import ModelEntry
from lodestar.terminal import one_line

SOURCE = 'def hello():\n    print("hello")\n\n\nhello()\n'
MESSAGE = "rename function hello to greet"
DEMO = "demo"
PATIENCE_S = 240.0
_SETTINGS = {"rating": {"enabled": False}, "engine": {"idle_exit_s": 1}}


def checks(context: Context) -> list[Check]:
    """An edit by the model that ships, and one by your own main model where that is free."""
    shipped = context.catalog.get(DEMO)
    found = [Check(f"a real edit by {DEMO}, which ships", lambda: broken(context, DEMO, shipped))]
    alias, entry = _own(context)
    if not entry.paid and (entry.provider, entry.model) != (shipped.provider, shipped.model):
        found.append(
            Check(f"a real edit by {alias}", lambda: broken(context, alias, entry, "warn"))
        )
    return found


def broken(context: Context, alias: str, entry: ModelEntry, level: str = "fail") -> list[Problem]:
    """What went wrong on the way; `warn` where the model alone may be to blame."""
    with tempfile.TemporaryDirectory(prefix="lodestar-doctor-") as folder:
        project = Path(folder) / "project"
        home = _home(Path(folder), context, alias, entry)
        environ = _environment(Path(folder), home)
        try:
            _repository(project, environ)
            done = _edit(project, environ)
        except (OSError, subprocess.SubprocessError) as error:
            return [Problem("the edit could not be tried", "", str(error))]
        text = (project / "hello.py").read_text("utf-8", "replace")
        commits = _commits(project, environ)
    if done.returncode == 0 and "def greet" in text and commits == 2:
        return []
    return [_problem(done, "def greet" in text, level, alias)]


def _problem(
    done: subprocess.CompletedProcess[str], edited: bool, level: str, alias: str
) -> Problem:
    said = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        errors = [line for line in said if line.startswith(("error:", "why:"))] or said[-1:]
        why = one_line("; ".join(errors), 300) or f"exit code {done.returncode}"
        return Problem("`lodestar code` failed", "lodestar doctor --bundle", why)
    what = "the edit was not committed" if edited else f"{alias} did not make the edit"
    do = "lodestar doctor --bundle" if edited else "choose another model: lodestar models list"
    kind = "warn" if level == "warn" and not edited else "fail"
    return Problem(what, do, "the file is as it was" if not edited else "", kind)  # type: ignore[arg-type]


def _own(context: Context) -> tuple[str, ModelEntry]:
    from lodestar.local_models import settled

    return context.settings.main, settled(context).catalog.get(context.settings.main)


def _home(folder: Path, context: Context, alias: str, entry: ModelEntry) -> Path:
    """A home with this one model; its files are those of the real home."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    models = {alias: entry.model_dump(mode="json", exclude_none=True, exclude={"fallbacks"})}
    config = {"main": alias, "weak": alias, "models": models, **_SETTINGS}
    (home / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    (home / "config.yaml").chmod(0o600)
    real = context.home.root / "models"
    if entry.provider == "engine" and real.is_dir():
        (home / "models").symlink_to(real)
    return home


def _environment(folder: Path, home: Path) -> dict[str, str]:
    """Nothing of the user's but what a program needs: no key, no setting."""
    return {
        **bare_environment(os.environ),
        "HOME": str(folder),
        "LODESTAR_HOME": str(home),
        "LODESTAR_NO_INPUT": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "TERM": "dumb",
    }


def _repository(project: Path, environ: dict[str, str]) -> None:
    project.mkdir()
    (project / "hello.py").write_text(SOURCE, "utf-8")
    for command in (
        ("init", "-q"),
        ("config", "user.name", "Lodestar"),
        ("config", "user.email", "doctor@localhost"),
        ("add", "hello.py"),
        ("commit", "-qm", "a file to edit"),
    ):
        _git(project, environ, *command).check_returncode()


def _edit(project: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "lodestar", "code", "--yes-always", "--message", MESSAGE]
    return subprocess.run(
        [*command, "hello.py"],
        cwd=project,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE_S,
        check=False,
    )


def _commits(project: Path, environ: dict[str, str]) -> int:
    return len(_git(project, environ, "log", "--oneline").stdout.splitlines())


def _git(project: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *words],
        cwd=project,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
