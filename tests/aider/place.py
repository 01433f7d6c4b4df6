"""A user's home, project and session, and a real Aider started in them by the launcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect

import lodestar_aider
from tests.aider.fake_openai import DEADLINE_S, FakeOpenAI
from tests.aider.terminal import Terminal

LAUNCHER = Path(lodestar_aider.__file__).parent / "__main__.py"
SETTINGS = """\
- name: openai/local-coder
  edit_format: whole
  extra_params: {max_tokens: 512}
- name: openai/lodestar-weak
"""
LIMITS = {
    "max_tokens": 8192,
    "max_input_tokens": 8192,
    "max_output_tokens": 2048,
    "litellm_provider": "openai",
    "mode": "chat",
}


@dataclass
class Place:
    """A user's home, project and session files, all below one temporary folder."""

    root: Path
    fake: FakeOpenAI
    extra_env: dict[str, str] = field(default_factory=dict)
    gift: str = ""
    """What the repository brings just now; each has a marker of its own."""

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def repo(self) -> Path:
        return self.root / "repo"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def marker(self) -> Path:
        """What a hostile repository tries to create."""
        return self.markers / f"ran {self.gift}"

    @property
    def markers(self) -> Path:
        """The folder of them all."""
        return self.root / "markers"

    def create(self) -> None:
        """Make the folders, the settings, and a project with one committed file, app.py."""
        for folder in (self.home, self.repo, self.state, self.markers):
            folder.mkdir()
        (self.home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        (self.state / "settings.yml").write_text(SETTINGS)
        names = ("openai/local-coder", "openai/lodestar-weak")
        (self.state / "metadata.json").write_text(json.dumps(dict.fromkeys(names, LIMITS)))
        (self.repo / "app.py").write_text('print("hello")\n')
        self.git("init", "-q", "-b", "main")
        self.git("add", "app.py")
        self.git("commit", "-q", "-m", "start")

    def git(self, *args: str) -> str:
        """Run git in the project; its stdout."""
        done = subprocess.run(
            ["git", *args], cwd=self.repo, env=self.env(), check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def write_spec(self, *user_args: str, **changes: Any) -> Path:
        """SPEC.json for one start."""
        spec = {
            "shim_url": self.fake.url,
            "token": self.fake.token,
            "session": "01SESSION",
            "aider_args": ["--no-stream"] if changes.pop("no_stream", False) else [],
            "user_args": list(user_args),
            "model_settings": str(self.state / "settings.yml"),
            "model_metadata": str(self.state / "metadata.json"),
            "env_file": str(self.state / "session.env"),
            "chat_history": str(self.state / "chat.md"),
            "input_history": str(self.state / "input.history"),
            "aliases": ["local-coder"],
            "main": "local-coder",
            "weak": "lodestar-weak",
            "editor": None,
            "poll_s": 0.05,
            **changes,
        }
        path = self.state / "spec.json"
        path.write_text(json.dumps(spec))
        return path

    def env(self) -> dict[str, str]:
        """A clean environment with this home."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.home), "TERM": "xterm-256color", **self.extra_env}

    def run(self, *user_args: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        """One run without a terminal."""
        spec = self.write_spec(*user_args, **changes)
        return subprocess.run(
            [sys.executable, "-I", str(LAUNCHER), str(spec)],
            cwd=self.repo,
            env=self.env(),
            input="",
            text=True,
            errors="backslashreplace",
            capture_output=True,
            timeout=3 * DEADLINE_S,
            check=False,
        )

    def spawn(self, *user_args: str, **changes: Any) -> Terminal:
        """One run on a terminal of its own."""
        spec = self.write_spec(*user_args, **changes)
        child = pexpect.spawn(
            sys.executable,
            ["-I", str(LAUNCHER), str(spec)],
            cwd=str(self.repo),
            env=self.env(),
            dimensions=(40, 120),
            encoding="utf-8",
        )
        return Terminal(child)


def whole_file(name: str, text: str) -> str:
    """An answer in Aider's `whole` format."""
    return f"Here it is.\n\n{name}\n```python\n{text}```\n"
