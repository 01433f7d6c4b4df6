"""Files that want more than to be models: programs, exchanged files, switches cut short."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lodestar.engine_models import import_file
from lodestar.paths import Home
from lodestar_engine import loaded
from lodestar_engine.errors import ApiError
from lodestar_engine.library import Library
from lodestar_engine.loaded import LoadedModel
from tests.engine.conftest import write_gguf


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def ask(engine, model, **fields):
    reply = engine.chat("hello", model=model, **fields)
    return reply.status, reply.json["error"]["message"] if reply.status != 200 else ""


@pytest.mark.parametrize("kind", ["pickle", "torch", "safetensors"])
def test_an_adapter_that_is_no_gguf_is_refused_unopened(engine, tmp_path, kind):
    mark = tmp_path / "executed"
    bomb = pickle.dumps(Bomb(mark))
    header = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    content = {
        "pickle": bomb,
        "torch": b"PK\x03\x04" + bytes(26) + b"archive/data.pkl" + bomb,
        "safetensors": len(header).to_bytes(8, "little") + header + bytes(4),
    }[kind]
    path = engine.home / "adapters" / "small" / "odd.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert ask(engine, "small@odd") == (
        400,
        f"The file {path} cannot be used: it is not a GGUF file.",
    )
    # Under its own name it is not even looked at.
    path.rename(path.with_suffix(f".{kind}"))
    assert "There is no adapter odd" in ask(engine, "small@odd")[1]
    assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists()


def test_an_adapter_is_held_to_its_manifest(engine, adapter):
    adapter("signed", seed=11)
    path = engine.home / "adapters" / "small" / "signed.gguf"
    manifest = path.with_suffix(".json")
    manifest.write_text(json.dumps({"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    assert ask(engine, "small@signed")[0] == 200
    adapter("signed", seed=12)
    status, message = ask(engine, "small@signed")
    assert (status, "SHA-256 differs" in message) == (400, True)
    assert ask(engine, "small")[0] == 200


def test_a_file_exchanged_behind_its_size_and_date_is_refused(engine, demo_model):
    path = engine.home / "models" / "pinned.gguf"
    data = bytearray(demo_model.read_bytes())
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"sha256": digest}))
    assert ask(engine, "pinned")[0] == 200
    before = path.stat()
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    status, message = ask(engine, "pinned")
    assert (status, "is not the one that was installed" in message) == (400, True)
    for file in (path, path.with_suffix(".json")):
        file.unlink()


def test_a_file_that_changes_while_it_is_loaded_is_refused(home, monkeypatch):
    source = asyncio.run(Library(home).model("small"))

    class Slow(loaded.Model):
        def __init__(self, path, gpu_layers=None):
            super().__init__(path, gpu_layers)
            os.utime(path)

    monkeypatch.setattr(loaded, "Model", Slow)
    with pytest.raises(ApiError, match="was changed while it was loaded"):
        LoadedModel(source, 1)


KILLED = """
import os, signal, sys
from pathlib import Path
from lodestar import engine_models
from lodestar.paths import Home
steps, last = 0, int(sys.argv[3])
def counted(step):
    def call(*arguments):
        global steps
        for _ in range(2):
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1
            if _ == 0:
                step(*arguments)
    return call
engine_models.write_private = counted(engine_models.write_private)
real = os.replace
engine_models.os = type("os", (), {**vars(os), "replace": staticmethod(counted(real))})
engine_models.import_file(Home(Path(sys.argv[1])), Path(sys.argv[2]), "m", 512, False, print)
"""


@pytest.mark.parametrize("known", [True, False], ids=["with a manifest", "without one"])
def test_a_model_is_valid_before_or_after_a_switch_that_is_killed_anywhere(tmp_path, known):
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    for file in (old, new):
        values = {"general.architecture": "llama", "general.name": file.stem}
        write_gguf(file, values, {"t": [[0.0] * 8]})
    found = set()
    for last in range(7):
        home = Home(tmp_path / f"home{last}")
        import_file(home, old, "m", 512, False, lambda done: None)
        if not known:
            (home.root / "models" / "m.json").unlink()
        command = [sys.executable, "-c", KILLED, str(home.root), str(new), str(last)]
        code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        assert code == -9 or last >= 4
        model = asyncio.run(Library(home.root).model("m"))
        found.add(model.header.name)
        # And the next import, or the same again, goes through.
        import_file(home, new, "m", 512, False, lambda done: None)
        assert asyncio.run(Library(home.root).model("m")).header.name == "new"
        manifest = json.loads((home.root / "models" / "m.json").read_text())
        assert "replaces" not in manifest
    assert found == {"old", "new"}


def test_an_engine_killed_while_adapters_change_answers_as_before(
    engine, adapter, home, start_engine
):
    names = ("small", "small@first", "small@second")
    adapter("first", seed=21)
    adapter("second", seed=22)
    shutil.copytree(engine.home / "adapters", home / "adapters")
    running = start_engine()
    for name in names:
        running.chat("x = 1", model=name)
    before = [running.chat("x = 1", model=name).text for name in names]
    started = threading.Event()

    def change() -> None:
        try:
            for turn in range(1000):
                running.chat("x = 1", model=names[turn % 3], max_tokens=2)
                started.set()
        except OSError:
            return

    changing = threading.Thread(target=change)
    changing.start()
    assert started.wait(20)
    running.process.kill()
    changing.join(20)
    again = start_engine()
    for name in names:
        again.chat("x = 1", model=name)
    assert [again.chat("x = 1", model=name).text for name in names] == before
