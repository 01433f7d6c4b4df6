"""The same project twice: at one desk the user starts Aider, at the other `lodestar code`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.upstream import Upstream
from tests.pictures.emulator import PATIENCE_S, Emulator

LODESTAR = Path(sys.executable).with_name("lodestar")
SOURCE = 'def hello():\n    print("hello")\n\n\nhello()\n'
RENAMED = SOURCE.replace("hello()", "greet()")
FILES = {
    "hello.py": SOURCE,
    "helper.py": "import hello\n\n\ndef twice():\n    hello.hello()\n    hello.hello()\n",
    ".gitignore": ".aider*\n",
}
QUIET = (
    "--no-check-update",
    "--no-analytics",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-gitignore",
)
"""Lodestar says these to Aider. Here both are told, so that what else differs is seen."""
FIRST, SECOND = "first-model", "second-model"
CONTEXT, OUTPUT = 8192, 2048
LIMITS = {"litellm_provider": "openai", "mode": "chat"}
DAY = "2026-01-15T12:00:00+00:00"
"""Of every commit, so that equal commits have equal names."""

PROMPT = re.compile(r"^(?:[a-z]+ ?)*>\n*(?: (?:FREE|PAID).*)?$", re.M)


def whole(text: str, name: str = "hello.py") -> str:
    """An answer that writes a whole file."""
    return f"Certainly so.\n\n{name}\n```\n{text}```\n"


class Desk:
    """A home and a project under git, and a model that says what `upstream.text` is."""

    name = ""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self.root = root
        self.upstream = upstream
        self.home = root / "home"
        self.project = root / "project"
        for folder in (self.home, self.project):
            folder.mkdir(parents=True)
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(self.home),
            "TERM": "xterm-256color",
            "GIT_AUTHOR_DATE": DAY,
            "GIT_COMMITTER_DATE": DAY,
        }
        (self.home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        for name, text in FILES.items():
            (self.project / name).write_text(text)
        for words in ("init -q -b main", "add -A", "commit -qm start"):
            self.git(*words.split())

    def command(self, arguments: Sequence[str]) -> list[str]:
        """What the user types, with Aider's arguments."""
        raise NotImplementedError

    def git(self, *arguments: str) -> str:
        """Run git in the project; its output."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.project, env=self.environ, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def start(self, *arguments: str, rows: int = 50, columns: int = 100) -> Emulator:
        """Start it on a terminal."""
        return Emulator(self.command(arguments), self.project, self.environ, rows, columns)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it without a terminal, to its end."""
        return subprocess.run(
            self.command(arguments),
            cwd=self.project,
            env=self.environ,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=2 * PATIENCE_S,
        )

    def prompt(self, terminal: Emulator) -> str:
        """Wait for Aider's prompt at the end of what the window shows, and nothing typed."""
        return terminal.until(lambda text: bool(PROMPT.search(text)), "no prompt")

    def plainly(self, text: str) -> str:
        """The text without what is this desk's own: folders and escape sequences."""
        bare = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>()][A-Z0-9]?)", "", text)
        return bare.replace(str(self.root), "ROOT")


class Plain(Desk):
    """Aider alone, which has the model's address and a key."""

    name = "plain"

    def command(self, arguments: Sequence[str]) -> list[str]:
        self.environ |= {"OPENAI_API_BASE": self.upstream.url, "OPENAI_API_KEY": "a-key"}
        # Without it Aider would fetch a list from the network.
        limits = {"max_tokens": CONTEXT, "max_input_tokens": CONTEXT, "max_output_tokens": OUTPUT}
        known = {f"openai/{name}": {**LIMITS, **limits} for name in (FIRST, SECOND)}
        (self.home / ".aider.model.metadata.json").write_text(json.dumps(known))
        models = ("--model", f"openai/{FIRST}", "--weak-model", f"openai/{FIRST}")
        return [sys.executable, "-m", "aider", *QUIET, *models, *arguments]


class Ours(Desk):
    """The same under Lodestar, whose configuration has the model's address."""

    name = "lodestar"

    def command(self, arguments: Sequence[str]) -> list[str]:
        home = self.home / ".lodestar"
        home.mkdir(mode=0o700, exist_ok=True)
        entry = {"provider": "openai", "billing": "free", "api_base": self.upstream.url}
        entry |= {"context": CONTEXT, "max_output": OUTPUT}
        models = {name: {**entry, "model": name} for name in (FIRST, SECOND)}
        config = {"main": FIRST, "weak": FIRST, "models": models}
        (home / "config.yaml").write_text(json.dumps(config))
        self.environ["LODESTAR_HOME"] = str(home)
        return [str(LODESTAR), "code", "--no-rating", *arguments]
