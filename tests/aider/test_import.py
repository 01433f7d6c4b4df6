"""What a real Aider writes down is what the import reads: both of its files, to the token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lodestar.cli.main import run
from lodestar.clock import now_ms
from lodestar.store.store import Store
from tests.aider.fake_openai import FakeOpenAI

EDIT = """Here it is:

a.py
```python
<<<<<<< SEARCH
    return 1
=======
    return 2
>>>>>>> REPLACE
```
"""
PRICES = {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "mode": "chat",
          "litellm_provider": "openai", "max_input_tokens": 100_000}  # fmt: skip
OPTIONS = ("--no-check-update", "--no-analytics", "--no-show-release-notes", "--no-gitignore",
           "--no-show-model-warnings", "--edit-format", "diff", "--no-pretty", "--yes-always",
           "--model", "openai/paid", "--weak-model", "openai/weak", "--map-tokens=0")  # fmt: skip


@dataclass(frozen=True)
class Worked:
    """A project in which Aider has worked, with its two files."""

    root: Path
    chat: Path
    log: Path


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """A question, an edit with its commit, and another model without a price."""
    root = tmp_path_factory.mktemp("aider") / "project"
    root.mkdir()
    (root / "a.py").write_text("def f():\n    return 1\n")
    names = {"openai/paid": PRICES, "openai/weak": {**PRICES, "input_cost_per_token": 0}}
    prices = root.parent / "prices.json"
    prices.write_text(json.dumps(names))
    with FakeOpenAI(answers=["hello\n> quoted\n#### four", EDIT, "nothing to do"]) as fake:
        keys = {"OPENAI_API_KEY": "sk-x", "OPENAI_API_BASE": f"{fake.url}/v1"}
        environ = {**_environ(root.parent), **keys}
        for command in ("init -q", "add .", "commit -qm one"):
            subprocess.run(["git", *command.split()], cwd=root, env=environ, check=True)
        log = root.parent / "log.jsonl"
        files = ("--model-metadata-file", str(prices), "--analytics-log", str(log), "a.py")
        done = subprocess.run(
            [sys.executable, "-m", "aider", *OPTIONS, *files],
            cwd=root,
            env=environ,
            input="/ask what is it?\nmake it two\n/model openai/weak\nanything else?\n/exit\n",
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return Worked(root, root / ".aider.chat.history.md", log)


def _environ(home: Path) -> dict[str, str]:
    """Nothing but loopback can be reached."""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1", "HOME": str(home)}
    git = {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")}  # fmt: skip
    return {"PATH": os.environ["PATH"], "LITELLM_LOCAL_MODEL_COST_MAP": "True", **nowhere, **git}


def calls(home: Path) -> list[dict[str, Any]]:
    with Store.open(home / "usage.db") as store:
        sql = (
            "SELECT e.*, c.cash_nano, c.list_nano, c.window_ms FROM exchanges e"
            " JOIN charges c ON c.exchange_id = e.id ORDER BY e.started_ms"
        )
        return [dict(row) for row in store.rows(sql)]


def test_the_chat_history_of_a_real_aider_is_read(worked: Worked, isolated_home: Path) -> None:
    assert run(["data", "import", str(worked.chat)]) == 0
    asked, edit, other = calls(isolated_home)
    assert [one["kind"] for one in (asked, edit, other)] == ["ask", "edit", "edit"]
    assert [one["served_model"] for one in (asked, edit, other)] == [
        *("openai/paid", "openai/paid", "openai/weak")
    ]
    assert asked["input_tokens"] > 100
    assert edit["output_tokens"] > 10
    assert edit["cash_nano"] > 1_000_000
    assert (other["cash_nano"], other["list_nano"]) == (0, None)
    assert abs(edit["window_ms"] - now_ms()) < 600_000
    with Store.open(isolated_home / "usage.db") as store:
        texts = {row["text"] for row in store.rows("SELECT text FROM messages")}
        assert {"what is it?", "make it two", "hello\n> quoted\n#### four"} <= texts
        (commit,) = store.rows("SELECT commit_hash, exchange_id FROM signals")
    assert commit["exchange_id"] == edit["id"]
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=worked.root, capture_output=True, text=True, check=True
    )
    assert head.stdout.startswith(commit["commit_hash"])


def test_its_log_says_the_same_and_is_known_then(
    worked: Worked, isolated_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = ["--project", str(worked.root)]
    assert run(["data", "import", str(worked.log), *project]) == 0
    exact = calls(isolated_home)
    assert len(exact) == 3
    capsys.readouterr()
    assert run(["data", "import", str(worked.chat), "--dry-run"]) == 0
    assert "known already, from another file of Aider's\t3" in capsys.readouterr().out
    said = [json.loads(line) for line in worked.log.read_text().splitlines()]
    sent = [one["properties"] for one in said if one["event"] == "message_send"]
    assert [one["input_tokens"] for one in exact] == [one["prompt_tokens"] for one in sent]
    assert [one["cash_nano"] for one in exact] == [round(one["cost"] * 1e9) for one in sent]
