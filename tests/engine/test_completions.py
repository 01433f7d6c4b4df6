"""What a client of the engine sees of an answer."""

import json

import pytest

LONG = "Please rename the function add to total in this file.\n" + "x = 1\n" * 60


def test_a_whole_answer_has_openai_s_shape(engine):
    reply = engine.chat(LONG)
    assert reply.status == 200
    choice = reply.json["choices"][0]
    assert reply.json["object"] == "chat.completion"
    assert reply.json["model"] == "small"
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] in ("stop", "length")
    usage = reply.json["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_says_the_same_as_a_whole_answer(engine):
    data, others = engine.stream(LONG, max_tokens=40, stream_options={"include_usage": True})
    whole = engine.chat(LONG, max_tokens=40)
    assert data[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    texts = [part["choices"][0]["delta"].get("content", "") for part in data[:-1]]
    assert "".join(texts) == whole.text
    assert data[-2]["choices"][0]["finish_reason"] == whole.json["choices"][0]["finish_reason"]
    assert data[-1]["choices"] == []
    assert data[-1]["usage"]["completion_tokens"] == whole.json["usage"]["completion_tokens"]
    assert all(line.startswith(": ") for line in others)
    assert len({part["id"] for part in data}) == 1


def test_a_stream_carries_usage_only_where_asked_for(engine):
    data, _ = engine.stream(LONG)
    assert all("usage" not in part for part in data)
    assert data[-1]["choices"][0]["finish_reason"]


def test_max_tokens_ends_an_answer_with_length(engine):
    for name in ("max_tokens", "max_completion_tokens"):
        reply = engine.chat(LONG, **{"max_tokens": None, name: 2})
        assert reply.json["choices"][0]["finish_reason"] == "length"
        assert reply.json["usage"]["completion_tokens"] == 2


def test_a_stop_string_ends_an_answer_before_it(engine):
    full = engine.chat(LONG, max_tokens=30).text
    stop = full[len(full) // 2 :][:3]
    reply = engine.chat(LONG, max_tokens=30, stop=[stop, "never to be seen"])
    assert reply.json["choices"][0]["finish_reason"] == "stop"
    assert reply.text == full[: full.index(stop)]
    data, _ = engine.stream(LONG, max_tokens=30, stop=stop)
    streamed = "".join(part["choices"][0]["delta"].get("content", "") for part in data)
    assert streamed == reply.text


def test_a_seed_repeats_a_random_answer(engine, adapter):
    adapter("unsure", seed=1)

    def sample(seed):
        fields = {"temperature": 5, "top_p": 1, "seed": seed, "max_tokens": 30}
        return engine.chat("kqz vx jw", model="small@unsure", **fields).text

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(5)}) > 1


def test_a_prompt_that_does_not_fit_is_refused_in_the_words_aider_knows(engine):
    reply = engine.chat("word and more " * 20_000)
    error = reply.json["error"]
    assert reply.status == 400
    assert error["code"] == "context_length_exceeded"
    assert error["type"] == "invalid_request_error"
    assert "This model's maximum context length is" in error["message"]
    assert "Please reduce the length of the messages." in error["message"]


def test_an_answer_gets_no_more_tokens_than_the_context_has_left(engine):
    context = engine.request("POST", "/v1/warm", {"model": "small"}).json["context"]
    usage = engine.chat("x = 1\n", max_tokens=10**9, stop="\x00").json["usage"]
    assert usage["total_tokens"] <= context


def test_content_may_come_in_parts_and_in_any_order_of_roles(engine):
    messages = [
        {
            "role": "system",
            "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief"}],
        },
        {"role": "assistant", "content": None},
        {"role": "system", "content": "again"},
        {"role": "user", "content": "hello \ud800 \x00 日本語"},
    ]
    body = {"model": "small", "messages": messages, "max_tokens": 2}
    assert engine.request("POST", "/v1/chat/completions", body).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"content": "no role"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"max_tokens": 0},
        {"max_tokens": "many"},
        {"temperature": -1},
        {"temperature": "hot"},
        {"top_p": 2},
        {"seed": 1.5},
        {"stop": [1]},
        {"n": 2},
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_by_name(engine, fields):
    for stream in (False, True):
        reply = engine.chat("hello", stream=stream, **fields)
        assert reply.status == 400
        assert next(iter(fields)).rstrip("s") in reply.json["error"]["message"]


def test_a_body_that_is_not_json_is_refused(engine):
    for body in ("not an object", [1], json.loads("[" * 500 + "]" * 500)):
        reply = engine.request("POST", "/v1/chat/completions", body)
        assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")


def test_an_unknown_path_is_answered_in_the_same_envelope(engine):
    reply = engine.request("GET", "/v1/nothing")
    assert (reply.status, reply.json["error"]["message"]) == (404, "Not Found.")
