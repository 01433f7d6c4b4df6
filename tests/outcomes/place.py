"""A repository with a clock, in which Aider's commits are on record."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestar.outcomes.refresh import Pace, Report, refresh
from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.worklog import Worklog

DAY_S = 86_400
PACE = Pace(seconds=120, command_s=60)


@dataclass
class Place:
    """Day 0 is 40 days ago; what is not given a day happens on it."""

    root: Path
    store: Store
    home: Home
    start_s: int = field(default_factory=lambda: int(time.time()) - 40 * DAY_S)

    def create(self) -> Place:
        self.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ann")
        self.git("config", "user.email", "ann@example.org")
        self.commit({"app.py": "one\ntwo\nthree\n"})
        self.worklog = Worklog(self.store, self.home, self.root).start()
        return self

    def git(self, *arguments: str | bytes, day: float = 0, root: Path | None = None) -> str:
        date = f"@{self.start_s + round(day * DAY_S)} +0000"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", *arguments],
            cwd=root or self.root,
            env={**os.environ, **dates},
            check=True,
            capture_output=True,
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(self, files: dict[str, str | bytes], day: float = 0, message: str = "work") -> str:
        """A commit of somebody's; its hash."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", message, day=day)
        return self.git("rev-parse", "HEAD")

    def answer(self, files: dict[str, str | bytes], day: float = 0, message: str = "answer") -> str:
        """A commit of Aider's, on record with the exchange that it came from."""
        commit = self.commit(files, day, message)
        self.record(commit)
        return commit

    def record(self, commit: str, aider_edits: bool = True) -> str:
        exchange = self.worklog.exchange()
        event = {"hash": commit, "aider_edits": aider_edits, "insertions": 2}
        self.worklog.signal("commit", exchange, **event)
        return exchange

    def refresh(self, root: Path | None = None, pace: Pace = PACE) -> Report:
        (report,) = refresh(self.store, self.home, [root or self.root], pace)
        return report

    def kept(self, commit: str) -> dict[int, tuple[int, int]]:
        """By age in days, the lines that the commit brought and those that are left."""
        found = [data for data in self.signals("survival") if data["hash"] == commit]
        return {data["days"]: (data["added"], data["survived"]) for data in found}

    def signals(self, kind: str) -> list[dict[str, Any]]:
        rows = self.store.rows("SELECT data FROM signals WHERE type = ? ORDER BY rowid", (kind,))
        return [json.loads(row["data"]) for row in rows]
