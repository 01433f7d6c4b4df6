"""Ann's machine: a home, a project, a free model and a paid one that both do what they are told."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.comparison.model import Model
from tests.pictures.emulator import Emulator
from tests.pictures.masks import SHOWN_HOME

LODESTAR = Path(sys.executable).with_name("lodestar")
SOURCE = 'def hello():\n    print("hello")\n\n\nhello()\n'
GREET = SOURCE.replace("hello()", "greet()")
DAY = "2026-03-14T12:00:00+00:00"
PRICES = {"billing": "payg", "price_in": 3, "price_out": 15, "max_output": 500, "tier": 4}
USAGE = {"prompt_tokens": 4210, "completion_tokens": 380, "total_tokens": 4590}


class Stage:
    """Runs Lodestar as Ann would."""

    def __init__(self, home: Path, free: Model, paid: Model) -> None:
        self.home, self.free, self.paid = home, free, paid
        self.project = home / "shop"
        self.project.mkdir()
        path = os.pathsep.join([str(LODESTAR.parent), os.environ["PATH"]])
        self.environ = {
            "PATH": path,
            "HOME": str(home),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "TERM": "xterm-256color",
            "OLLAMA_HOST": "none",
            "GIT_AUTHOR_DATE": DAY,
            "GIT_COMMITTER_DATE": DAY,
        }
        free.usage = paid.usage = USAGE
        self._settle()

    def _settle(self) -> None:
        (self.home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        (self.home / ".lodestar").mkdir(mode=0o700)
        self.config()
        (self.project / "hello.py").write_text(SOURCE)
        (self.project / ".gitignore").write_text(".aider*\n")
        for words in ("init -q -b main", "add -A", "commit -qm start"):
            subprocess.run(["git", *words.split()], cwd=self.project, env=self.environ, check=True)

    def config(self, **settings: Any) -> None:
        """Ann's configuration."""
        whole = {"aider": {"edit_format": "whole"}, "provider": "openai", "context": 32768}
        free = {**whole, "billing": "free", "model": "qwen", "api_base": self.free.url}
        paid = {**whole, **PRICES, "model": "sonnet", "api_base": self.paid.url}
        models = {"local-coder": free, "claude-sonnet": paid}
        rest = {"main": "local-coder", "weak": "local-coder", "models": models}
        path = self.home / ".lodestar" / "config.yaml"
        path.write_text(json.dumps({**rest, **settings}))
        path.chmod(0o600)

    def code(self, *arguments: str, rows: int = 26, columns: int = 100, **environ: str) -> Emulator:
        """`lodestar code` on a terminal."""
        return self.command("code", *arguments, rows=rows, columns=columns, **environ)

    def command(
        self, *arguments: str, rows: int = 60, columns: int = 100, **environ: str
    ) -> Emulator:
        """Any command on a terminal."""
        command = [LODESTAR, *arguments]
        return Emulator(command, self.project, {**self.environ, **environ}, rows, columns)

    def run(self, *arguments: str) -> None:
        """A command that nobody looks at."""
        subprocess.run(
            [LODESTAR, *arguments],
            cwd=self.project,
            env={**self.environ, "LODESTAR_NO_INPUT": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )


@contextmanager
def stage() -> Iterator[Stage]:
    """One for a while. Its folder is as long as the one that pictures show."""
    home = Path("/tmp") / secrets.token_hex(2)
    while len(str(home)) != len(SHOWN_HOME) or home.exists():
        home = Path("/tmp") / secrets.token_hex(2)
    home.mkdir(mode=0o700)
    try:
        with Model() as free, Model() as paid:
            yield Stage(home, free, paid)
    finally:
        _stop(home)
        shutil.rmtree(home, ignore_errors=True)


def _stop(home: Path) -> None:
    """End what the stage's programs left running."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"HOME={home}\0".encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGTERM)
