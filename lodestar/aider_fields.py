"""Asking Aider what settings it uses for a model, in the interpreter that has Aider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lodestar.settings import Settings

TIMEOUT_S = 120


@dataclass(frozen=True)
class Derived:
    """Aider's settings of a model; `problem` says why there are none."""

    settings: dict[str, Any] = field(default_factory=dict)
    max_input: int | None = None
    max_output: int | None = None
    problem: str | None = None


def derive(model: str, settings: Settings, folder: Path) -> Derived:
    """What Aider knows of `model`. Runs in `folder`, so that no project's files are read."""
    script = _script()
    if script is None:
        return Derived(problem="the launcher for Aider is not installed")
    command = [settings.aider.python or sys.executable, "-I", str(script), model]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
        return _parsed(done.stdout.strip().rpartition("\n")[2])
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return Derived(problem=f"Aider could not be asked ({type(error).__name__})")


def _script() -> Path | None:
    # Found and not imported: the application never imports a shim.
    spec = find_spec("lodestar_aider")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return next((p for f in folders if (p := Path(f) / "derive.py").is_file()), None)


def _parsed(line: str) -> Derived:
    answer = json.loads(line)
    limits = answer.get("metadata") or {}
    longest = limits.get("max_output_tokens") or limits.get("max_tokens")
    found = dict(answer["settings"])
    problem = None if found else "Aider has no settings for it, so its general ones apply"
    return Derived(found, limits.get("max_input_tokens"), longest, problem)
