"""A chat request on its whole way through the real shim."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.fakes.shim_client import Shim, config, events, free_model, wait_for
from tests.fakes.upstream import Upstream

LAST = "SELECT * FROM exchanges WHERE status != 'open' ORDER BY id DESC LIMIT 1"


def _last(shim: Shim, headers) -> dict:
    return shim.wait_row(
        "SELECT * FROM exchanges WHERE id = ? AND status != 'open'", headers["X-Lodestar-Exchange"]
    )


def test_an_answer_passes_through_and_is_recorded(shim: Shim, upstream: Upstream) -> None:
    status, headers, body = shim.chat()
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == upstream.text
    row = _last(shim, headers)
    assert (row["status"], row["kind"], row["requested_alias"]) == ("ok", "other", "fake")
    assert (row["input_tokens"], row["output_tokens"], row["usage_source"]) == (11, 7, "provider")
    assert row["served_model"] == "fake-model-2026"
    assert row["duration_ms"] >= 0


def test_a_stream_passes_byte_for_byte(shim: Shim, upstream: Upstream) -> None:
    _, headers, body = shim.chat(stream=True)
    assert headers["Content-Type"] == "text/event-stream"
    texts = [e["choices"][0]["delta"].get("content", "") for e in events(body)[:-3]]
    assert "".join(texts) == upstream.text
    assert events(body)[-1] == "[DONE]"
    row = _last(shim, headers)
    assert (row["status"], row["finish_reason"], row["stream"]) == ("ok", "stop", 1)
    assert row["input_tokens"] == 11
    assert row["ttft_ms"] is not None


def test_the_rows_are_there_before_the_upstream_answers(shim: Shim, upstream: Upstream) -> None:
    upstream.script("hang")
    asking = threading.Thread(target=shim.chat)
    asking.start()
    upstream.wait_requests(1)
    attempt = shim.rows("SELECT * FROM attempts WHERE status = 'open'")[0]
    assert attempt["id"] == upstream.chats[0].headers["X-Request-Id"]
    exchange = shim.rows("SELECT * FROM exchanges WHERE id = ?", attempt["exchange_id"])[0]
    assert exchange["status"] == "open"
    upstream.release()
    asking.join(10)


def test_prompt_and_answer_are_stored_once_per_text(shim: Shim, upstream: Upstream) -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "once"}]
    ids = [shim.chat(messages=messages)[1]["X-Lodestar-Exchange"] for _ in range(2)]
    sql = (
        "SELECT m.role, m.text, x.direction FROM exchange_messages x JOIN messages m USING (hash)"
        " WHERE x.exchange_id = ? ORDER BY position"
    )
    for id in ids:
        wait_for(lambda id=id: len(shim.rows(sql, id)) == 3)
        texts = [(r["role"], r["text"], r["direction"]) for r in shim.rows(sql, id)]
        assert texts == [
            ("system", "be brief", "prompt"),
            ("user", "once", "prompt"),
            ("assistant", upstream.text, "answer"),
        ]
    assert len(shim.rows("SELECT * FROM messages WHERE text = 'once'")) == 1


def test_a_secret_in_a_prompt_never_reaches_the_database(shim: Shim) -> None:
    key = "sk-ant-api03-Zx81kQ0pLw93MvT5aaBB"
    messages = [{"role": "user", "content": f"my key is {key}, and {shim.token}"}]
    _last(shim, shim.chat(messages=messages)[1])
    data = b"".join(p.read_bytes() for p in shim.home.glob("usage.db*"))
    assert key.encode() not in data
    assert shim.token.encode() not in data


def test_max_tokens_and_usage_are_asked_for_when_the_client_did_not(
    shim: Shim, upstream: Upstream
) -> None:
    shim.chat(stream=True)
    body = upstream.chats[0].body
    assert body["max_tokens"] == 8192
    assert body["stream_options"] == {"include_usage": True}
    assert body["model"] == "fake-model"


def test_a_clients_own_cap_and_options_are_kept(shim: Shim, upstream: Upstream) -> None:
    shim.chat(stream=True, max_tokens=5, stream_options={"include_usage": False}, seed=7)
    body = upstream.chats[0].body
    assert (body["max_tokens"], body["seed"]) == (5, 7)
    assert body["stream_options"] == {"include_usage": False}


def test_no_client_can_choose_host_or_key(shim: Shim, upstream: Upstream) -> None:
    shim.chat(api_base="http://127.0.0.2/v1", api_key="stolen", base_url="x", extra_headers={})
    request = upstream.chats[0]
    assert {"api_base", "api_key", "base_url", "extra_headers"}.isdisjoint(request.body)
    assert "Authorization" not in request.headers


def test_the_prefix_of_litellm_and_the_weak_alias_are_understood(
    shim: Shim, upstream: Upstream
) -> None:
    assert shim.chat("openai/fake")[0] == 200
    status, headers, _ = shim.chat("openai/lodestar-weak")
    assert status == 200
    assert _last(shim, headers)["served_alias"] == "fake"


def test_an_unknown_model_is_refused_with_the_names_there_are(shim: Shim) -> None:
    status, _, body = shim.chat("fakee")
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (
        400,
        "invalid_request_error",
        "model_not_found",
    )
    assert "did you mean `fake`?" in error["message"]


def test_a_missing_usage_is_estimated_and_says_so(shim: Shim, upstream: Upstream) -> None:
    upstream.script("no_usage")
    row = _last(shim, shim.chat(stream=True)[1])
    assert row["usage_source"] == "estimated"
    assert row["output_tokens"] == len(upstream.text) // 4


def test_absurd_usage_is_not_believed(shim: Shim, upstream: Upstream) -> None:
    upstream.script("bad_usage")
    row = _last(shim, shim.chat(stream=True)[1])
    assert row["usage_source"] == "estimated"
    assert row["input_tokens"] > 0


def test_a_hang_up_reaches_the_upstream_and_is_recorded(shim: Shim, upstream: Upstream) -> None:
    upstream.script("hold")
    connection = shim.connect()
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    messages = [{"role": "user", "content": "hang up on me"}]
    payload = {"model": "fake", "stream": True, "messages": messages}
    connection.request("POST", "/v1/chat/completions", json.dumps(payload), headers)
    answer = connection.getresponse()
    answer.read1(10)
    exchange = answer.headers["X-Lodestar-Exchange"]
    answer.close()
    connection.close()
    upstream.wait(lambda: upstream.hangups == 1)
    sql = "SELECT * FROM exchanges WHERE id = ? AND status = 'aborted'"
    row = shim.wait_row(sql, exchange)
    assert row["output_tokens"] is not None


def test_twenty_requests_at_once_are_all_answered_and_recorded(
    shim: Shim, upstream: Upstream
) -> None:
    ids: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: ids.append(shim.chat(stream=True)[1]["X-Lodestar-Exchange"])
        )
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(ids)) == 20
    for id in ids:
        shim.wait_row("SELECT * FROM exchanges WHERE id = ? AND status = 'ok'", id)


def test_models_lists_the_catalogue(shim: Shim) -> None:
    data = json.loads(shim.request("GET", "/v1/models")[2])["data"]
    assert {m["id"] for m in data} >= {"fake", "local-coder", "demo"}
    assert next(m for m in data if m["id"] == "demo")["description"] == "demo model"


def test_events_become_signals_of_their_exchange(shim: Shim) -> None:
    headers = {"X-Lodestar-Kind": "edit", "X-Lodestar-Turn": "3", "X-Lodestar-Request": "r" * 32}
    exchange = shim.chat(headers=headers)[1]["X-Lodestar-Exchange"]
    event = {"type": "apply", "ts_ms": 5, "turn": 3, "request": "r" * 32, "edited": ["a.py"]}
    assert shim.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204
    signal = shim.rows("SELECT * FROM signals WHERE exchange_id = ?", exchange)[0]
    assert (signal["type"], signal["turn"], json.loads(signal["data"])) == (
        "apply",
        3,
        {"edited": ["a.py"]},
    )
    row = _last(shim, {"X-Lodestar-Exchange": exchange})
    assert (row["kind"], row["turn"]) == ("edit", 3)


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("openai/fake", "FREE fake"),
        ("openai/claude-sonnet", "PAID claude-sonnet"),
        ("openai/lodestar-weak", "FREE fake"),
        ("openai/nobody", "UNKNOWN nobody"),
    ],
)
def test_poll_tells_what_aider_uses_and_whether_it_costs(
    shim: Shim, model: str, status: str
) -> None:
    idle = {"events": [{"type": "idle", "id": f"idle {model}", "model": model}]}
    assert shim.request("POST", "/lodestar/v1/events", idle)[0] == 204
    data = json.loads(shim.request("GET", "/lodestar/v1/poll?after=0")[2])
    assert (data["notices"], data["end"], data["status"][0]) == ([], None, status)


def test_poll_claims_nothing_before_aider_has_said_what_it_uses(
    tmp_path: Path, upstream: Upstream
) -> None:
    config(tmp_path, "main: fake\nweak: fake\n" + free_model(upstream.url))
    with Shim(tmp_path, env={"LODESTAR_HOME": str(tmp_path)}) as fresh:
        data = json.loads(fresh.request("GET", "/lodestar/v1/poll?after=0")[2])
    assert data["status"] == []
