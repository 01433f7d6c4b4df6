"""A real engine on a unix socket, and files for it."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lodestar_engine
from lodestar_engine.gguf import read_header

DEMO = Path(lodestar_engine.__file__).parent / "models" / "demo.gguf"
DEADLINE_S = 20.0
RANK = 2
ADAPTED = "blk.0.ffn_down"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


class Reply:
    """A whole HTTP answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.json: dict[str, Any] = json.loads(body)

    @property
    def text(self) -> str:
        return str(self.json["choices"][0]["message"]["content"])

    @property
    def cached(self) -> int:
        return int(self.json["usage"]["prompt_tokens_details"]["cached_tokens"])


class Engine:
    """One engine process and a client for it."""

    def __init__(self, home: Path, *options: str, **environ: str) -> None:
        self.home = home
        self.log = home / "engine.log"
        command = [sys.executable, "-I", "-m", "lodestar_engine", "--home", str(home)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--threads", "1", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | environ,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    @contextmanager
    def open(self, method: str, path: str, body: object = None) -> Iterator[Any]:
        """An answer to read from; leaving the block hangs up."""
        connection = _UnixConnection(Path(self.ready["socket"]))
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def request(self, method: str, path: str, body: object = None) -> Reply:
        with self.open(method, path, body) as response:
            return Reply(response.status, response.read())

    def chat(self, text: str, **fields: object) -> Reply:
        return self.request("POST", "/v1/chat/completions", chat_body(text, **fields))

    def stream(self, text: str, **fields: object) -> tuple[list[dict[str, Any]], list[str]]:
        """All data events of a streamed answer, and all other lines."""
        body = chat_body(text, stream=True, **fields)
        with self.open("POST", "/v1/chat/completions", body) as response:
            assert response.status == 200
            lines = [line for line in response.read().decode().split("\n") if line]
        assert lines[-1] == "data: [DONE]"
        data = [json.loads(line[6:]) for line in lines[:-1] if line.startswith("data: ")]
        return data, [line for line in lines if not line.startswith("data: ")]

    def health(self) -> dict[str, Any]:
        return self.request("GET", "/healthz").json

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a state of /healthz."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition(health := self.health()):
            assert time.monotonic() < deadline, health
            time.sleep(0.02)
        return health


def chat_body(text: str, **fields: object) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    return {"model": "small", "messages": messages, "max_tokens": 8} | fields


def write_gguf(path: Path, values: dict[str, object], tensors: dict[str, list[Any]]) -> None:
    """A GGUF file of string, unsigned and float values and two-dimensional f32 tensors."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))
    for key, value in values.items():
        head += _text(key) + _value(value)
    data = b""
    for name, rows in tensors.items():
        head += _text(name) + struct.pack("<IQQIQ", 2, len(rows[0]), len(rows), 0, len(data))
        data += b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        data += b"\0" * (-len(data) % 32)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: object) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    return struct.pack("<If", 6, value)


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The packaged model."""
    return DEMO


@pytest.fixture
def home(tmp_path: Path, demo_model: Path) -> Path:
    return make_home(tmp_path, demo_model)


def make_home(folder: Path, model: Path) -> Path:
    (folder / "models").mkdir(parents=True)
    shutil.copyfile(model, folder / "models" / "small.gguf")
    return folder


@pytest.fixture
def start_engine(home: Path) -> Iterator[Callable[..., Engine]]:
    """Starts engines of this test's own, and stops them."""
    started: list[Engine] = []

    def start(*options: str, **environ: str) -> Engine:
        started.append(Engine(home, *options, **environ))
        return started[-1]

    yield start
    for engine in started:
        engine.stop()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, demo_model: Path) -> Iterator[Engine]:
    """One engine for all tests that leave it as it was."""
    home = make_home(tmp_path_factory.mktemp("engine"), demo_model)
    shared = Engine(home, OPENAI_API_KEY="planted-key", LC_MESSAGES="C.UTF-8")
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()


@pytest.fixture(scope="session")
def write_file() -> Callable[[Path, dict[str, object], dict[str, list[Any]]], None]:
    return write_gguf


@pytest.fixture(scope="session")
def architecture(demo_model: Path) -> str:
    return read_header(demo_model).architecture


@pytest.fixture(scope="session")
def adapted_shape(demo_model: Path) -> tuple[int, int]:
    """Inputs and outputs of the matrix that the test's adapters change."""
    data = demo_model.read_bytes()
    name = f"{ADAPTED}.weight".encode()
    _, inputs, outputs = struct.unpack_from("<IQQ", data, data.index(name) + len(name))
    return inputs, outputs


@pytest.fixture
def adapter(
    engine: Engine, architecture: str, adapted_shape: tuple[int, int]
) -> Callable[..., None]:
    """Writes HOME/adapters/small/NAME.gguf with random weights."""

    def write(
        name: str,
        seed: int,
        made_for: str = architecture,
        shape: tuple[int, int] = adapted_shape,
    ) -> None:
        inputs, outputs = shape
        rows = random.Random(seed)
        values: dict[str, object] = {
            "general.architecture": made_for,
            "general.type": "adapter",
            "adapter.type": "lora",
            # So strong that two of them do not give the same answer by chance.
            "adapter.lora.alpha": float(8 * RANK),
        }
        tensors = {
            f"{ADAPTED}.weight.lora_a": _matrix(rows, RANK, inputs),
            f"{ADAPTED}.weight.lora_b": _matrix(rows, outputs, RANK),
        }
        write_gguf(engine.home / "adapters" / "small" / f"{name}.gguf", values, tensors)

    return write


def _matrix(rows: random.Random, height: int, width: int) -> list[list[float]]:
    return [[rows.gauss(0, 1) for _ in range(width)] for _ in range(height)]
