"""The page on importing is run as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lodestar.store.store import Store
from tests.cli.aider_files import chat, message, session

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "import.md"


def test_the_page_on_importing_runs_as_written(
    isolated_home: Path,
    tmp_path: Path,
) -> None:
    there = {**os.environ, "LODESTAR_HOME": str(tmp_path / "laptop")}
    lodestar = [sys.executable, "-m", "lodestar"]
    chat(tmp_path / "there", session(), message("asked on the laptop"))
    for arguments in (
        ["import", "there/.aider.chat.history.md"],
        ["export", "--out", "laptop.jsonl"],
    ):
        subprocess.run([*lodestar, "data", *arguments], cwd=tmp_path, env=there, check=True)
    chat(tmp_path, session(), message("one"), message("two"))
    blocks = re.findall(r"<!-- run: import -->\n```bash\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert len(blocks) == 3
    head = f'set -e\nlodestar() {{ "{sys.executable}" -m lodestar "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", head + "\n".join(blocks)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "undone: 2 exchanges" in done.stderr
    assert "all sums match" in done.stderr
    with Store.open(isolated_home / "usage.db") as store:
        assert len(store.rows("SELECT 1 FROM exchanges")) == 1
