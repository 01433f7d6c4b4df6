"""Alerts of real shims: told by one session, never in an answer, and to the user's program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.modules.usage_tracker.tests.alert_programs import (
    hanging,
    pids,
    program,
    recorder,
    written,
)
from tests.fakes.shim_client import Shim, config, state, wait_for
from tests.fakes.upstream import Upstream

PATIENT = {"tick_s": 3600}
"""The only ticks are those after an exchange."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """A provider that reports 100 tokens of output: $0.15."""
    with Upstream() as server:
        server.usage = {"prompt_tokens": 1, "completion_tokens": 100, "total_tokens": 101}
        yield server


def _home(folder: Path, upstream: Upstream, limit: str, *command: str) -> Path:
    server = {"provider": "openai", "model": "fake-model", "api_base": upstream.url}
    paid = {"billing": "payg", "price_in": 0, "price_out": 1500, "tier": 3, "max_output": 100}
    models = {"free": {**server, "billing": "free"}, "paid": {**server, **paid}}
    found = {
        "main": "free",
        "weak": "free",
        "models": models,
        "limits": {"daily_usd": limit},
        "modules": {"usage_tracker": {"alerts": {"command": list(command)}}},
    }
    config(folder, json.dumps(found))
    return folder


def _shim(home: Path, **env: str) -> Shim:
    return Shim(home, env={"LODESTAR_HOME": str(home), **env}, limits=PATIENT)


def _notices(shim: Shim) -> list[dict[str, Any]]:
    return list(json.loads(shim.request("GET", "/lodestar/v1/poll?after=0")[2])["notices"])


def _alerts(shim: Shim, count: int) -> list[tuple[str, str]]:
    """Level and text of the alerts, once there are so many."""
    wait_for(lambda: len(_notices(shim)) >= count)
    return [(one["level"], one["text"].partition(";")[0]) for one in _notices(shim)]


def test_of_two_sessions_the_one_that_passes_a_threshold_tells_it(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = recorder(tmp_path)
    home = _home(tmp_path / "home", upstream, "0.75", str(path))
    with _shim(home, XAI_API_KEY="sk-planted") as one, _shim(home) as other:
        bodies = [one.chat("paid", stream=True)[2] for _ in range(3)]
        assert _alerts(one, 1) == [("info", "60 % of the daily limit: $0.45 of $0.75 used")]
        first = wait_for(lambda: written(path), 30)
        bodies.append(other.chat("paid", stream=True)[2])
        assert _alerts(other, 1) == [("warn", "80 % of the daily limit: $0.60 of $0.75 used")]
        # A free answer brings a tick, but no second telling.
        bodies += [shim.chat("free", stream=True)[2] for shim in (one, other)]
        bodies.append(one.chat("paid", stream=True)[2])
        told = ("warn", "100 % of the daily limit: $0.75 of $0.75 used")
        assert _alerts(one, 2)[1:] == [told]
        assert len(_notices(other)) == 1
        titles = [notice["title"] for notice in _notices(one)]
        assert [title.partition(": ")[2] for title in titles] == [
            "60 % of the daily limit",
            "100 % of the daily limit",
        ]
        assert not [body for body in bodies if b"daily limit" in body]
        sessions = one.rows("SELECT DISTINCT session_id FROM alerts")
        assert len(sessions) == 2
    assert json.loads(first["stdin"])["text"] == "60 % of the daily limit: $0.45 of $0.75 used"
    assert "sk-planted" not in json.dumps(first)
    assert one.token not in json.dumps(first)
    log = (home / "logs" / "shim.log").read_text("utf-8")
    assert log.count("alert: ") == 3
    assert "WARNING lodestar.usage_tracker: alert: 80 % of the daily limit" in log


def test_a_shim_that_is_started_again_does_not_repeat_what_was_told(
    upstream: Upstream, tmp_path: Path
) -> None:
    home = _home(tmp_path / "home", upstream, "0.75")
    with _shim(home) as shim:
        for _ in range(3):
            shim.chat("paid")
        _alerts(shim, 1)
    with _shim(home) as shim:
        shim.chat("free")
        shim.chat("paid")
        assert _alerts(shim, 1) == [("warn", "80 % of the daily limit: $0.60 of $0.75 used")]


def test_the_end_of_the_shim_lets_a_program_finish(upstream: Upstream, tmp_path: Path) -> None:
    """An alert at the end of a run without a prompt is told only so."""
    started, done = tmp_path / "started", tmp_path / "done"
    path = program(
        tmp_path,
        "slow",
        f"open({str(started)!r}, 'w')\ntime.sleep(2)\nopen({str(done)!r}, 'w')",
    )
    home = _home(tmp_path / "home", upstream, "0.16", str(path))
    with _shim(home) as shim:
        shim.chat("paid")
        wait_for(started.exists, 30)
        assert not done.exists()
    assert done.exists()


@pytest.mark.slow
def test_a_program_that_hangs_keeps_neither_a_request_nor_the_end(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = hanging(tmp_path)
    home = _home(tmp_path / "home", upstream, "0.20", str(path))
    with _shim(home) as shim:
        shim.chat("paid")
        found = wait_for(lambda: pids(path), 30)
        assert _alerts(shim, 1) == [("info", "75 % of the daily limit: $0.15 of $0.20 used")]
        assert shim.chat("free")[0] == 200
        assert [pid for pid in found if state(pid) not in ("", "Z")] == found
        leaving = time.monotonic()
    # Its own time-out of 10 s, and what a busy machine adds.
    assert time.monotonic() - leaving < 20
    wait_for(lambda: not [pid for pid in found if state(pid) not in ("", "Z")])
    assert "took longer than 10 s and was killed" in (home / "logs/shim.log").read_text("utf-8")
