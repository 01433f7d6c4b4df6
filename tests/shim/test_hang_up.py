"""A client that leaves: a paid answer is read on for its bill, for a while; a free one is not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos import Chaos
from tests.fakes.gated import Gated
from tests.fakes.shim_client import wait_for

LIMITS = {"drain_s": 30, "tail_s": 0.2}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    """A provider that takes a moment for each piece of its answer."""
    with Chaos(tmp_path_factory.mktemp("chaos"), "--delay-ms", "80", "--most", "90") as chaos:
        yield chaos


@pytest.fixture(scope="module")
def patient(provider: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    """A shim that reads on for longer than any answer here takes."""
    with _shim(tmp_path_factory.mktemp("patient"), provider) as shim:
        yield shim


@contextlib.contextmanager
def _shim(folder: Path, provider: Chaos, **limits: float) -> Iterator[Gated]:
    with Gated(folder / "home", provider.url, provider.url, {**LIMITS, **limits}) as shim:
        yield shim


def _hang_up(shim: Gated, provider: Chaos, mode: str, model: str = "paid", **body: Any) -> str:
    """Ask, and leave: after the first words of a stream, else once the provider was asked."""
    asked = len(provider.events("asked"))
    messages = [{"role": "user", "content": f"[[{mode}]] leave {asked}"}]
    payload = json.dumps({"model": model, "stream": True, "messages": messages, **body})
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    with contextlib.closing(shim.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", payload, headers)
        wait_for(lambda: len(provider.events("asked")) > asked)
        if json.loads(payload)["stream"]:
            answer = connection.getresponse()
            assert answer.read1(10)
            answer.close()
    return str(provider.events("asked")[-1]["id"])


def _ended(shim: Gated, attempt: str) -> dict[str, Any]:
    """How the exchange of an attempt ended."""
    sql = (
        "SELECT e.* FROM exchanges e JOIN attempts a ON a.exchange_id = e.id"
        " WHERE a.id = ? AND e.status != 'open'"
    )
    return shim.wait_row(sql, attempt, timeout=30)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_paid_answer_is_read_on_for_its_usage(
    patient: Gated, provider: Chaos, stream: bool
) -> None:
    id = _hang_up(patient, provider, "good", stream=stream)
    row = _ended(patient, id)
    (truth,) = [line for line in provider.truth() if line["id"] == id]
    assert (row["status"], row["usage_source"]) == ("aborted", "provider")
    assert (row["input_tokens"], row["output_tokens"]) == (truth["input"], truth["output"])
    assert patient.log("finish")[-1]["source"] == "provider"


def test_who_leaves_with_the_whole_answer_did_not_break_it_off(
    patient: Gated, provider: Chaos
) -> None:
    payload = json.dumps(
        {
            "model": "paid",
            "stream": True,
            "messages": [{"role": "user", "content": "[[good]] all of it"}],
        }
    )
    headers = {"Authorization": f"Bearer {patient.token}", "Content-Type": "application/json"}
    with contextlib.closing(patient.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", payload, headers)
        answer = connection.getresponse()
        # As Aider does: the usage comes in an event of its own, after this one.
        while b'"finish_reason": "stop"' not in answer.readline().replace(b'":"', b'": "'):
            continue
        answer.close()
    row = _ended(patient, str(provider.events("asked")[-1]["id"]))
    assert (row["status"], row["usage_source"]) == ("ok", "provider")


def test_it_is_not_read_for_ever(tmp_path: Path, provider: Chaos) -> None:
    with _shim(tmp_path, provider, drain_s=0.5) as shim:
        id = _hang_up(shim, provider, "stall")
        row = _ended(shim, id)
        assert (row["status"], row["usage_source"]) == ("aborted", "estimated")
        wait_for(lambda: id in [line["id"] for line in provider.events("gone")])


def test_a_free_answer_is_left_at_once(patient: Gated, provider: Chaos) -> None:
    id = _hang_up(patient, provider, "stall", "free")
    assert _ended(patient, id)["status"] == "aborted"
    wait_for(lambda: id in [line["id"] for line in provider.events("gone")])


def test_a_failing_answer_that_nobody_waits_for_is_not_asked_for_again(
    patient: Gated, provider: Chaos
) -> None:
    """The weak model has a free fallback, which would otherwise be next."""
    id = _hang_up(patient, provider, "rst", "openai/lodestar-weak", stream=False)
    row = _ended(patient, id)
    assert row["status"] in ("aborted", "error")
    assert len(patient.rows("SELECT 1 FROM attempts WHERE exchange_id = ?", row["id"])) == 1


def test_nothing_is_sent_where_the_client_left_while_the_gate_was_shut(
    tmp_path: Path, provider: Chaos
) -> None:
    with _shim(tmp_path, provider) as shim:
        shim.set(wait=True)
        payload = {"model": "paid", "messages": [{"role": "user", "content": "too late"}]}
        headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
        asked = len(provider.events("asked"))
        with contextlib.closing(shim.connect()) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(payload), headers)
            wait_for(lambda: shim.log("gate"))
        row = shim.wait_row("SELECT status FROM exchanges WHERE status != 'open'")
        shim.set()
        assert row["status"] == "aborted"
        assert shim.chat("free")[0] == 200
        assert len(provider.events("asked")) == asked + 1


def test_a_shim_that_stops_does_not_wait_for_the_rest_of_an_answer(
    tmp_path: Path, provider: Chaos
) -> None:
    """`stop` gives it 20 s, and the answer would be read for a minute."""
    with _shim(tmp_path, provider, drain_s=60, leave_s=1) as shim:
        id = _hang_up(shim, provider, "stall")
        assert shim.stop() == 0
    assert _ended(shim, id)["status"] == "aborted"
    assert shim.log("finish")[-1]["finish"] == "aborted"


def test_a_shim_that_stops_lets_a_bill_come_that_is_on_its_way(
    tmp_path: Path, provider: Chaos
) -> None:
    with _shim(tmp_path, provider, leave_s=15) as shim:
        id = _hang_up(shim, provider, "good")
        assert shim.stop() == 0
    assert _ended(shim, id)["usage_source"] == "provider"
