"""Time to Aider's first prompt: `lodestar code` against plain `aider`, in turns, in one run.

Plain Aider gets the best case: a model that it knows, a home that it has run in before, and
no network calls (`--no-check-update`, litellm's own price file). Prints medians and the ratio.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect

ROUNDS = int(os.environ.get("ROUNDS", "7"))
BIN = Path(sys.executable).parent
PLAIN = ["aider", "--model", "gpt-4o", "--no-check-update", "--no-analytics", "--no-gitignore"]
OURS = ["lodestar", "code"]


def until_prompt(command: list[str], folder: Path, environ: dict[str, str]) -> float:
    """Seconds from the start until the prompt reads."""
    started = time.monotonic()
    child = pexpect.spawn(
        str(BIN / command[0]),
        command[1:],
        cwd=folder,
        env=environ,
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=120,
    )
    # What prompt_toolkit writes when it begins to read: bracketed paste on.
    child.expect_exact("\x1b[?2004h")
    seconds = time.monotonic() - started
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    return seconds


def main() -> None:
    """Run both in turns and print the medians."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        environ = {
            **os.environ,
            "HOME": name,
            "LODESTAR_HOME": f"{name}/.lodestar",
            "OPENAI_API_KEY": "sk-none",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TERM": "xterm-256color",
            "LODESTAR_NO_INPUT": "1",
            # A cold engine each time, as in the first session of a day.
            "LODESTAR_ENGINE__IDLE_EXIT_S": "1",
        }
        project = root / "project"
        project.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=project, check=True, env=environ)
        times: dict[str, list[float]] = {"plain": [], "ours": []}
        for turn in range(ROUNDS + 1):
            for kind, command in (("plain", PLAIN), ("ours", OURS)):
                seconds = until_prompt(command, project, environ)
                if turn:
                    times[kind].append(seconds)
    plain, ours = statistics.median(times["plain"]), statistics.median(times["ours"])
    ratios = sorted(o / p for o, p in zip(times["ours"], times["plain"], strict=True))
    print(f"time to first prompt, {ROUNDS} rounds in turns, seconds")
    print(f"  plain aider    median {plain:.2f}  ({min(times['plain']):.2f} best)")
    print(f"  lodestar code  median {ours:.2f}  ({min(times['ours']):.2f} best)")
    print(
        f"  ratio          {statistics.median(ratios):.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
