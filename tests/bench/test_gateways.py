"""The bench of gateways measures what it says, and the page tells what it measured."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import environments
from tests.bench.gateways import figures, page, report, rounds
from tests.bench.gateways.__main__ import main
from tests.bench.gateways.measure import CHUNKS, Address, load
from tests.bench.gateways.native import fake_upstream
from tests.bench.gateways.targets import clean_environment, server
from tests.bench.gateways.targets.direct import Direct
from tests.environments import NotHereError


@pytest.fixture(scope="module")
def upstream() -> Iterator[Address]:
    """The fake upstream of the bench."""
    with fake_upstream() as port:
        yield Address(port)


def test_every_answer_is_timed(upstream: Address) -> None:
    seen = load(upstream, "plain", 16, 200)
    assert len(seen["whole_us"]) == 200
    assert all(0 < time < seen["seconds"] * 1e6 for time in seen["whole_us"])
    assert not seen["first_us"]


def test_every_chunk_of_a_stream_is_timed(upstream: Address) -> None:
    seen = load(upstream, "burst", 4, 20)
    assert len(seen["whole_us"]) == len(seen["first_us"]) == 20
    assert len(seen["age_us"]) == 20 * CHUNKS
    assert all(0 <= age < seen["seconds"] * 1e6 for age in seen["age_us"])


def test_a_paced_stream_takes_its_time(upstream: Address) -> None:
    seen = load(upstream, "paced", 2, 2)
    assert min(seen["whole_us"]) > (CHUNKS - 1) * 2000
    assert max(seen["first_us"]) < min(seen["whole_us"]) / 2


def _serve(listener: socket.socket, answer: bytes) -> None:
    """Answer each connection's first request, byte by byte where it is short, and close."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            for at in range(len(answer)):
                connection.sendall(answer[at : at + 1])


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A server that answers with the parameter."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, request.param))
        thread.start()
        yield Address(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


REFUSED = b'HTTP/1.1 429 Too Many\r\nContent-Length: 14\r\n\r\n{"error":"no"}'
CUT = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"choices"'
STREAM = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"4;x=1\r\na@1@\r\nA\r\n@2@ @3@ @4\r\n2\r\n@@\r\n0\r\nTrailer: 1\r\n\r\n"
)


@pytest.mark.parametrize("served", [REFUSED, CUT], indirect=True, ids=["refused", "cut"])
def test_what_is_no_answer_is_a_failure_and_not_a_time(served: Address) -> None:
    with pytest.raises(RuntimeError, match=r"1 of 1 failed, first: .*(429|closed)"):
        load(served, "plain", 1, 1)


@pytest.mark.parametrize("served", [STREAM], indirect=True, ids=["stream"])
def test_a_chunked_answer_is_read_whatever_its_pieces(served: Address) -> None:
    seen = load(served, "burst", 1, 1)
    assert len(seen["age_us"]) == 4
    assert len(seen["whole_us"]) == 1


def _stage(us: list[float], **more: Any) -> dict[str, Any]:
    streams = {"first_us": us, "age_us": us}
    return {"whole_us": us, **streams, "count": 4, "seconds": 2, "cpu_us": 0, **more}


def _run(direct: list[float], through: list[float], cpu: float = 10) -> dict[str, Any]:
    stages = ("c1", "c16", "c32", "first", "burst", "paced")
    one = {
        stage: {"direct": _stage(direct), "lodestar-paid": _stage(through, cpu_us=cpu)}
        for stage in stages
    }
    one["burst"]["lodestar-paid"]["cpu_us"] = cpu + CHUNKS
    memory = {"idle": 20, "after": 30, "requests": 5, "series": []}
    return {
        "labels": {"direct": "direct", "lodestar-paid": "ours"},
        "rounds": [one],
        "memory_mb": {"lodestar-paid": memory},
        "ready_s": {"lodestar-paid": [0.2, 0.4, 0.3]},
    }


def test_figures_are_what_is_added_to_direct() -> None:
    ours = figures.figures(_run([100, 100, 100, 200], [300, 400, 500, 40_100]))["lodestar-paid"]
    assert ours["c1_p50_ms"] == pytest.approx(0.3)
    assert ours["c1_p99_ms"] == pytest.approx(39.9)
    assert ours["chunk_cpu_us"] == 1
    assert ours["per_s"] == 2
    assert ours["ready_s"] == 0.3
    assert ours["late"] == dict.fromkeys(ours["late"], 0.25)


@pytest.mark.parametrize(("through", "word"), [([900.0] * 4, "met"), ([1200.0] * 4, "missed")])
def test_a_target_is_met_or_missed(through: list[float], word: str) -> None:
    found = figures.figures(_run([100.0] * 4, through))
    (line,) = [row for row in report.judged(found).splitlines() if "paid path" in row]
    assert line.endswith(f"| {word} |")


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_a_stolen_release_is_never_installed(version: str) -> None:
    with pytest.raises(ValueError, match="not to be installed"):
        environments.python_environment(Path("x"), [f"litellm[proxy]=={version}"])
    with pytest.raises(ValueError, match="not to be installed"):
        environments.python_environment(Path("x"), ["litellm"])


class Missing(Direct):
    """Something that cannot be installed here."""

    name = "missing"
    label = "the missing one"

    def version(self) -> str:
        raise NotHereError("no such package")


def test_what_cannot_be_installed_is_left_out_and_named(
    upstream: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = rounds.sizes(rounds=1, scale=0, memory=1, memory_few=1, starts=1)
    raw = rounds.measure([Direct(), Missing()], upstream.port, wanted)
    assert raw["skipped"] == {"missing": "no such package"}
    assert list(raw["rounds"][0]["c1"]) == ["direct"]
    assert "skipped: the missing one: no such package" in capsys.readouterr().out


def test_a_server_that_ends_is_left_out_with_its_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo this is why >&2; exit 3"]
    with (
        pytest.raises(NotHereError, match="this is why"),
        server(command, tmp_path, lambda: None, clean_environment(tmp_path)),
    ):
        pass


def test_ours_is_measured_free_and_paid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.bench.gateways.__main__.BUILD", tmp_path)
    monkeypatch.setattr("tests.bench.gateways.__main__.ROOT", tmp_path)
    sizes = ["--rounds", "1", "--memory", "20", "--starts", "1", "--scale", "0.01"]
    assert main(["--only", "lodestar", *sizes]) == 0
    (file,) = tmp_path.glob("gateways-*.json")
    run = json.loads(file.read_text("utf-8"))
    for name in ("lodestar-free", "lodestar-paid"):
        ours = run["figures"][name]
        assert ours["c1_p50_ms"] > 0
        assert ours["cpu_us"] > 0
        assert ours["after_mb"] > 5
        assert ours["ready_s"] > 0
    assert "paid path, two durable commits" in capsys.readouterr().out


def test_the_page_tells_the_last_run() -> None:
    text = page.PAGE.read_text("utf-8")
    run = json.loads(page.SUMMARY.read_text("utf-8"))
    assert page.updated(text, run) == text, "run scripts/bench gateways --page FILE"
    assert run["date"] in text
    assert re.search(r"commit [0-9a-f]{7}", text)
