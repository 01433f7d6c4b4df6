"""`lodestar status` shows what runs, on one screen, and asks nobody who costs money."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.modules.health_monitor.plugin import register_migrations
from lodestar.paths import Home
from lodestar.status import screen
from lodestar.status.part import Line, Seen
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.fakes.ollama import Model, Ollama
from tests.fakes.shim_client import Shim, free_model
from tests.fakes.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


def data(cli: Cli) -> dict[str, Any]:
    done = cli("status", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["schema"] == "lodestar.status/1"
    parts: dict[str, Any] = found["data"]
    return parts


def test_on_a_fresh_machine_it_says_that_nothing_runs(cli: Cli, home: Home) -> None:
    done = cli("status")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("Lodestar ")
    assert "sessions    none" in lines
    assert "engine      not running; it starts with the first request" in lines
    assert any(line.startswith("database    usable, ") for line in lines)
    assert "\x1b" not in done.out


def test_a_session_is_shown_until_its_process_is_gone(
    cli: Cli, home: Home, store: Store, tmp_path: Path
) -> None:
    start_session(store, home, Session("S", tmp_path, "default", "main", os.getpid()))
    (one,) = data(cli)["sessions"]["data"]
    assert (one["branch"], one["pid"]) == ("main", os.getpid())
    line = next(line for line in cli("status").out.splitlines() if line.startswith("sessions"))
    assert f"{tmp_path.name} (main), profile default, pid {os.getpid()}" in line
    with store.write() as connection:
        connection.execute("UPDATE sessions SET boot_id = 'another'")
    assert data(cli)["sessions"]["data"] == []


def test_a_shim_and_what_it_called_are_shown(cli: Cli, home: Home, upstream: Upstream) -> None:
    text = "main: fake\nweak: fake\n" + free_model(upstream.url)
    home.config_file.write_text(text)
    with Shim(home.root, env={"LODESTAR_HOME": str(home.root)}) as shim:
        assert shim.chat()[0] == 200
        upstream.script(*["500"] * 9)
        while len(upstream.chats) < 4:
            assert shim.chat()[0] != 200
        failed = "SELECT 1 FROM attempts WHERE status = 'error' LIMIT 1 OFFSET 2"
        shim.wait_row(failed)
        (one,) = data(cli)["upstreams"]["data"]
    assert one["alias"] == "fake"
    assert one["server"] == f"127.0.0.1:{upstream.port}"
    assert one["windows"]["5m"]["failed"] >= 3
    assert one["breaker"] == "open"


@pytest.mark.parametrize(
    ("failures", "word"), [(3, "x dear (api.example.com): left out for "),
                           (1, "! dear (api.example.com): not well, ")],
)  # fmt: skip
def test_an_upstream_whose_calls_all_failed_is_not_called_well(
    cli: Cli, home: Home, failures: int, word: str
) -> None:
    home.config_file.write_text(
        "models: {dear: {provider: openai, model: m, api_base: 'https://api.example.com/v1'}}\n"
    )
    with (
        Store.open(home.database, [CORE, register_migrations()]) as store,
        store.write() as writing,
    ):
        writing.executemany(
            "INSERT INTO health_samples(id, ts_ms, alias, provider, ok, http_status, error, server,"
            " model) VALUES (?, ?, 'dear', 'openai', 0, 500, 'HTTP 500', 'api.example.com', 'm')",
            [(new_id(), now_ms()) for _ in range(failures)],
        )
    (line,) = [line for line in cli("status").out.splitlines() if "dear" in line]
    assert line.startswith("upstreams")
    assert word in line
    assert "in 5m, 100 % failed" in line
    home.config_file.write_text("main: demo\n")
    assert "dear" not in cli("status").out


def test_the_models_of_ollama_and_the_cards_are_shown(
    cli: Cli, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text('#!/bin/sh\necho "RTX 4090, 12, 1000, 24564, 40"\n')
    smi.chmod(0o700)
    monkeypatch.setenv("PATH", str(smi.parent), prepend=":")
    with Ollama({"deepseek-coder:6.7b": Model()}) as ollama:
        ollama.load("deepseek-coder:6.7b")
        home.config_file.write_text(f"ollama: {{url: '{ollama.url}'}}\n")
        parts = data(cli)
        assert parts["ollama"]["data"]["loaded"][0]["vram_bytes"] == 4_000_000_000
        shown = cli("status").out
        assert "deepseek-coder:6.7b: 4.0 GB, 100 % of it in VRAM, context 4096" in shown
        assert "RTX 4090: 12 % busy, 1.0 of 25.8 GB used, 40 °C" in shown
    assert data(cli)["ollama"]["level"] == "fail", "it is expected, as it was configured"


def test_budgets_are_shown_with_what_is_spent(cli: Cli, home: Home) -> None:
    assert "budget      no limit by day, week or month" in cli("status").out
    assert cli("budget", "set", "--daily", "2").code == 0
    (limit,) = data(cli)["budget"]["data"]["limits"]
    assert (limit["window"], limit["limit"], limit["percent"]) == ("day", "2.00", 0)
    assert "day: $0.00 of $2.00 (0 %)" in cli("status").out


def test_a_database_that_cannot_be_used_is_part_of_what_is_shown(cli: Cli, home: Home) -> None:
    home.database.write_bytes(b"no database at all" * 400)
    home.database.chmod(0o600)
    done = cli("status")
    assert done.code == 0, done.err
    assert "database  x " in done.out
    assert "engine " in done.out


def test_without_the_modules_the_rest_is_shown(cli: Cli, home: Home) -> None:
    off = {name: {"enabled": False} for name in ("health_monitor", "usage_tracker", "learning")}
    home.config_file.write_text(json.dumps({"modules": off}))
    parts = data(cli)
    assert set(parts) == {"sessions", "engine", "disk", "database"}


def test_json_and_watch_exclude_each_other(cli: Cli, home: Home) -> None:
    assert cli("status", "--json", "--watch").code == 2


PARTS = [("sessions", Seen([Line("a\x1b[2Jb"), Line("c" * 50, "warn"), Line("d", "fail")]))]


def test_lines_are_cut_to_the_width_and_steer_no_terminal() -> None:
    assert list(screen.lines(PARTS, 20)) == [
        "sessions    ab",
        "          ! ccccccc…",
        "          x d",
    ]
    coloured = list(screen.lines(PARTS, 20, colours=True))
    assert coloured[0] == "sessions    ab"
    assert coloured[1] == "\x1b[33m          ! ccccccc…\x1b[0m"


@pytest.mark.parametrize(
    ("environ", "terminal", "colours"),
    [({"TERM": "xterm"}, True, True), ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
     ({"TERM": "dumb"}, True, False), ({}, True, False), ({"TERM": "xterm"}, False, False)],
)  # fmt: skip
def test_colours_are_for_terminals_that_have_them(
    environ: dict[str, str], terminal: bool, colours: bool
) -> None:
    assert screen.has_colours(environ, terminal) is colours
