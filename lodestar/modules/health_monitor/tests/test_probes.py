"""Only free servers are asked, briefly, without a key; and what is safe is mended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lodestar.engine_client import health
from lodestar.modules.health_monitor import reload
from lodestar.modules.health_monitor.board import Board
from lodestar.modules.health_monitor.engine_watch import EngineWatch
from lodestar.modules.health_monitor.judge import Verdict
from lodestar.modules.health_monitor.monitor import round_seconds
from lodestar.modules.health_monitor.ollama_state import look
from lodestar.modules.health_monitor.probes import Target, probe, targets
from lodestar.modules.health_monitor.reload import is_here
from lodestar.modules.health_monitor.rounds import Found, Rounds
from lodestar.modules.health_monitor.servers import Upstream, place
from lodestar.paths import Home, engine_socket
from lodestar.settings import ModelEntry, OllamaSettings, RoutingSettings, Settings
from tests.fakes.ollama import Model, Ollama
from tests.fakes.shim_client import state, wait_for
from tests.fakes.upstream import Upstream as Server

MODEL = "deepseek-coder:6.7b"
NO_OLLAMA = OllamaSettings(url="none")


def free(url: str, **more: Any) -> ModelEntry:
    return ModelEntry(provider="openai", model="m", api_base=url, billing="free", **more)


def paid(url: str) -> ModelEntry:
    return ModelEntry(provider="openai", model="m", api_base=url, price_in=1, price_out=1)  # type: ignore[arg-type]


def settings(models: Mapping[str, ModelEntry], **more: Any) -> Settings:
    main = next(iter(models))
    return Settings(main=main, weak=main, **{"ollama": NO_OLLAMA, **more}, models=dict(models))


def urls(found: Settings, environ: Mapping[str, str] | None = None) -> list[str]:
    return [target.url for target in targets(found, {}, environ or {})]


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama({MODEL: Model()}) as server:
        yield server


def test_free_servers_of_models_in_use_are_asked_and_no_others() -> None:
    models = {
        "used": free("http://one:1/v1", fallbacks=["next"]),
        "next": free("http://two:2/v1"),
        "other": free("http://three:3/v1"),
    }
    assert urls(settings(models)) == ["http://one:1/v1/models", "http://two:2/v1/models"]


@pytest.mark.parametrize("address", ["https://host/v1", "https://HOST:443/other"])
def test_a_server_at_which_one_model_costs_money_is_never_asked(address: str) -> None:
    models = {"used": free("https://host/v1"), "dear": paid(address)}
    assert urls(settings(models)) == []
    assert urls(settings({"used": paid("https://host/v1")})) == []


def test_not_one_byte_goes_to_a_paid_server() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as trap:
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/v1"
        chosen = settings({"used": free(url), "dear": paid(url)})
        rounds = Rounds(Board(RoutingSettings()), chosen, EngineWatch(Home(Path("/nowhere"))))
        assert one_round(rounds, {"used": free(url)}).probes == []
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_a_free_server_is_asked_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-secret")
    with Server() as server:
        (target,) = targets(settings({"m": free(server.url, key_env="SOME_KEY")}), {}, {})
        sample, _ = probe(target)
        assert sample is not None
        assert sample.ok, sample.error
        assert [r.path for r in server.requests] == ["/v1/models"]
        assert "Authorization" not in server.requests[0].headers


def test_a_no_to_a_question_without_a_key_is_an_answer() -> None:
    with Ollama() as server:
        server.status = 401
        sample, _ = probe(Target("s", "openai", f"{server.url}/v1/models"))
        assert sample is not None
        assert sample.ok
        server.status = 503
        sample, _ = probe(Target("s", "openai", f"{server.url}/v1/models"))
        assert sample is not None
        assert (sample.ok, sample.error) == (False, "HTTP 503")


@pytest.mark.parametrize("expected", [True, False])
def test_an_ollama_that_nobody_set_up_is_not_missed(expected: bool) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    sample, _ = probe(Target(place(url), "ollama", url, expected))
    assert (sample is not None) is expected
    assert sample is None or not sample.ok


def test_a_server_that_does_not_answer_takes_no_longer_than_its_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/v1/models"
        sample, _ = probe(Target("s", "openai", url), timeout_s=0.2)
    assert sample is not None
    assert (sample.ok, sample.error) == (False, "it does not answer in time")


def test_the_models_in_memory_are_read_with_their_vram(ollama: Ollama) -> None:
    ollama.load(MODEL)
    ollama.in_vram = 0.5
    (loaded,) = look(ollama.url).loaded
    assert loaded.line() == f"{MODEL}: 4.0 GB, 50 % of it in VRAM, context 4096"


def rounds_on(ollama: Ollama, board: Board, home: Path) -> Rounds:
    chosen = settings(
        {"local": ModelEntry(provider="ollama", model=MODEL, billing="local")},
        ollama=OllamaSettings(url=ollama.url),
    )
    return Rounds(board, chosen, EngineWatch(Home(home)))


def one_round(rounds: Rounds, seen: Mapping[str, ModelEntry] | None = None) -> Found:
    found: list[Found] = []
    done = threading.Event()

    def take(one: Found) -> None:
        found.append(one)
        done.set()

    rounds.start(seen or {}, frozenset(), take)
    assert done.wait(20)
    return found[0]


@pytest.mark.parametrize("there", [True, False])
def test_a_model_that_only_fails_is_loaded_anew_and_its_breaker_closes(
    there: bool, ollama: Ollama, tmp_path: Path
) -> None:
    board, upstream = Board(RoutingSettings()), Upstream(place(ollama.url), MODEL)
    if there:
        ollama.load(MODEL)
    ollama.chat_status = 500
    for at in range(3):
        board.call(upstream, Verdict(False, True), at)
    found = one_round(rounds_on(ollama, board, tmp_path))
    assert ollama.chat_status is None
    assert MODEL in ollama.loaded
    assert board.state(upstream, 3)[0] == "closed"
    ((level, text),) = found.healed
    assert level == "info"
    assert MODEL in text
    unloads = [r for r in ollama.requests if r.body and r.body.get("keep_alive") == 0]
    assert len(unloads) == there


def test_what_others_may_be_using_elsewhere_is_not_taken_out(
    ollama: Ollama, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "is_here", lambda url: False)
    board, upstream = Board(RoutingSettings()), Upstream(place(ollama.url), MODEL)
    ollama.load(MODEL)
    for at in range(3):
        board.call(upstream, Verdict(False, True), at)
    assert one_round(rounds_on(ollama, board, tmp_path)).healed == []
    assert "/api/generate" not in ollama.paths()


@pytest.mark.parametrize(
    ("config", "seconds"),
    [({}, 60), ({"probe_s": 5}, 5), ({"probe_s": 0}, 1), ({"probe_s": "x"}, 60),
     ({"probe_s": True}, 60)],
)  # fmt: skip
def test_the_time_between_two_rounds_can_be_set(config: dict[str, Any], seconds: float) -> None:
    assert round_seconds(Settings(modules={"health_monitor": config})) == seconds


def test_it_is_not_loaded_again_and_again(ollama: Ollama, tmp_path: Path) -> None:
    board, upstream = Board(RoutingSettings()), Upstream(place(ollama.url), MODEL)
    rounds = rounds_on(ollama, board, tmp_path)
    for _ in range(2):
        for at in range(3):
            board.call(upstream, Verdict(False, True), 10**15 + at)
        one_round(rounds)
    assert ollama.paths().count("/api/generate") == 1


def test_a_model_that_ollama_lacks_is_named_with_what_to_do(ollama: Ollama, tmp_path: Path) -> None:
    board, upstream = Board(RoutingSettings()), Upstream(place(ollama.url), MODEL)
    ollama.models.clear()
    for at in range(3):
        board.call(upstream, Verdict(False, True), at)
    ((level, text),) = one_round(rounds_on(ollama, board, tmp_path)).healed
    assert level == "warn"
    assert f"ollama pull {MODEL}" in text


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://127.0.0.1:11434", True), ("http://localhost:1", True), ("http://[::1]:1", True),
     ("http://192.168.0.9:11434", False), ("http://gpu:11434", False)],
)  # fmt: skip
def test_only_this_machines_own_ollama_is_told_to_forget_a_model(url: str, here: bool) -> None:
    assert is_here(url) is here


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[Home, int]]:
    """The real engine, without a model."""
    home = Home(tmp_path)
    command = [sys.executable, "-I", "-m", "lodestar_engine", "--home", str(home.root)]
    process = subprocess.Popen([*command, "--idle-exit", "600"], stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield home, process.pid
        finally:
            process.kill()


def test_an_engine_that_hangs_is_ended_after_its_third_silence(engine: tuple[Home, int]) -> None:
    home, pid = engine
    watch = EngineWatch(home, answer_s=0.3)
    first = EngineWatch(home, answer_s=20).probe()
    assert first is not None
    assert first.ok
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(pid) == "T")
    for number in (1, 2, 3):
        assert watch.heal() is None
        sample = watch.probe()
        assert sample is not None, number
        assert not sample.ok
    said = watch.heal()
    assert said == f"the engine (pid {pid}) hung and was ended; the next request starts it again"
    wait_for(lambda: state(pid) in ("Z", ""))
    assert health(engine_socket(home.root)) is None
    assert watch.heal() is None


def test_an_engine_that_answers_a_request_meanwhile_is_left_alone(
    engine: tuple[Home, int],
) -> None:
    home, pid = engine
    watch = EngineWatch(home, answer_s=0.2)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(2):
        watch.probe()
    watch.heard()
    watch.probe()
    assert watch.heal() is None
    os.kill(pid, signal.SIGCONT)
    assert state(pid) != ""
