"""What Aider knows of real models, told without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lodestar_aider

DERIVE = Path(lodestar_aider.__file__).parent / "derive.py"
NAMES = ("gpt-4o", "anthropic/claude-sonnet-4-5-20250929", "deepseek-coder:6.7b", "grok-4")


def test_settings_and_limits_of_real_models_are_derived(tmp_path: Path) -> None:
    gpt, claude, local, grok = _derive(tmp_path)
    assert gpt["settings"]["edit_format"] == "diff"
    assert gpt["metadata"]["max_input_tokens"] == 128_000
    assert (claude["exact"], claude["matched"]) == (True, "claude-sonnet-4-5-20250929")
    assert claude["settings"]["cache_control"] is True
    assert claude["settings"]["extra_params"] == {"max_tokens": 64000}
    assert (local["exact"], local["matched"]) == (False, "deepseek-coder:6.7b")
    assert grok["matched"] == "xai/grok-4"
    for model in (gpt, claude, local, grok):
        assert not {"name", "weak_model_name", "editor_model_name"} & set(model["settings"])


def _derive(home: Path) -> list[dict[str, Any]]:
    # A proxy that answers nothing: any use of the network would fail loudly.
    env = {
        "HOME": str(home),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-I", str(DERIVE), *NAMES],
        env=env,
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]
