"""A file in the home that is somebody else's and open to all: it is said, free work goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes import unprivileged
from tests.fakes.shim import OURS, configure
from tests.fakes.shim_client import Shim
from tests.fakes.upstream import Upstream


@pytest.mark.parametrize(
    ("name", "stand_in"),
    [("notes.txt", False), ("usage.db.lock", True), ("usage.db", True), ("machine_id", False)],
)
def test_free_work_starts_beside_somebody_elses_file(
    name: str, stand_in: bool, tmp_path: Path
) -> None:
    before = unprivileged.prefix()
    if not before:
        pytest.skip("only root can make a file of somebody else's")
    home, mine = tmp_path / "home", tmp_path / "mine"
    mine.mkdir()
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    with Upstream() as upstream:
        configure(home, upstream.url)
        Store.open(home / "usage.db", [CORE]).close()
        unprivileged.give(home, mine)
        file = home / name
        file.touch()
        os.chown(file, 0, 0)
        file.chmod(0o644)
        program = (*before, "env", "-C", str(mine), *OURS, "--home", str(home))
        with Shim(home, command=program) as shim:
            assert shim.chat("free-model")[0] == 200
            _, _, said = shim.request("GET", "/lodestar/v1/poll?after=0")
            assert bool(list((home / "run").glob("stand-in-*.db"))) == stand_in
    texts = [notice["text"] for notice in json.loads(said)["notices"]]
    assert any(str(file) in text for text in texts), texts
