"""Many at once, and clients that leave."""

import functools
import random
import shutil
import string
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def long_prompt(seed):
    """As many tokens as fit a context of 4,096 for sure, and like no other prompt."""
    return "".join(random.Random(seed).choices(string.ascii_letters, k=3500))


@pytest.fixture
def log(engine):
    """The lines that the engine has logged about answers since the test began, once so many."""
    # Answered in turn: whatever an earlier test left behind is in the log before it.
    engine.chat("The last of the others.", max_tokens=1)
    begun = len(answers(engine))

    def wait_for(count):
        deadline = time.monotonic() + 20
        while len(lines := answers(engine)[begun:]) < count:
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)
        return lines

    return wait_for


def answers(engine):
    return [line for line in engine.log.read_text().splitlines() if " adapter=" in line]


def hang_up_after(engine, body, mark):
    with engine.open("POST", "/v1/chat/completions", body | {"stream": True}) as response:
        for line in response:
            if mark in line:
                return


def body(text, **fields):
    messages = [{"role": "user", "content": text}]
    return {"model": "small", "messages": messages, "temperature": 5, "seed": 1} | fields


def hang_up_while_reading(engine, log):
    """Leave while the prompt is read; returns the prompt and the line about it.

    Who leaves before their turn costs nothing and has no line: then it is tried again.
    """
    for seed in range(1, 20):
        prompt, before = long_prompt(seed), len(log(0))
        hang_up_after(engine, body(prompt), b'"role"')
        # Answered in turn: the line about the one that left, if there is one, comes before.
        engine.chat("The next one.", max_tokens=1)
        cancelled = [line for line in log(before + 1)[before:] if "cancelled" in line]
        if cancelled:
            return prompt, cancelled[0]
    raise AssertionError("nobody who left was noticed")


def test_a_hang_up_while_the_prompt_is_read_stops_the_work(engine, log):
    prompt, line = hang_up_while_reading(engine, log)
    assert "cancelled" in line
    assert "completion=0" in line
    engine.until(lambda health: health["requests"] == 0)
    again = engine.chat(prompt, max_tokens=4)
    assert again.cached < again.json["usage"]["prompt_tokens"] - 1
    assert again.text == engine.chat(prompt, max_tokens=4).text


def test_a_hang_up_in_the_middle_of_an_answer_frees_the_engine(engine, log, adapter):
    adapter("noise", seed=1)
    talkative = next(
        seed
        for seed in range(50)
        if engine.chat(
            "Go on.", model="small@noise", temperature=5, seed=seed, max_tokens=300
        ).json["choices"][0]["finish_reason"]
        == "length"
    )
    done = len(log(1))
    endless = body("Go on.", model="small@noise", seed=talkative, max_tokens=3000)
    hang_up_after(engine, endless, b'"delta": {"content"')
    assert engine.chat("Next, please.").status == 200
    first, second = log(done + 2)[done:]
    assert "cancelled" in first
    assert 0 < int(first.split("completion=")[1].split(")")[0]) < 3000
    assert "cancelled" not in second


def test_those_who_leave_the_queue_cost_nothing(engine, log):
    with engine.open("POST", "/v1/chat/completions", body(long_prompt(2), stream=True)) as first:
        assert b"waiting" in first.readline()
        for seed in range(3, 8):
            hang_up_after(engine, body(long_prompt(seed)), b'"role"')
    assert engine.chat("Next, please.").status == 200
    first_line, *left, _ = log(2)
    # The first one had its turn: it may have written a little before it left too.
    assert "cancelled" in first_line
    assert all("completion=0" in line for line in left)
    engine.until(lambda health: health["requests"] == 0)


def test_headers_are_out_while_a_request_waits_for_its_turn(engine, log):
    with engine.open("POST", "/v1/chat/completions", body(long_prompt(9), stream=True)) as first:
        first.readline()
        with engine.open("POST", "/v1/chat/completions", body("x", stream=True)) as second:
            assert second.status == 200
            assert second.readline() == b": waiting\n"
            assert log(0) == []


def test_a_refusal_does_not_wait_for_the_answer_being_written(engine, log):
    with engine.open("POST", "/v1/chat/completions", body(long_prompt(10), stream=True)) as first:
        first.readline()
        reply = engine.chat("too long " * 20_000)
        assert reply.json["error"]["code"] == "context_length_exceeded"
        assert log(0) == []


def test_eight_at_once_are_all_answered_in_turn(engine):
    prompts = [f"Request number {number}. " * 20 for number in range(8)]
    expected = [engine.chat(prompt).text for prompt in prompts]
    with ThreadPoolExecutor(8) as executor:
        replies = list(executor.map(engine.chat, prompts))
    assert [reply.status for reply in replies] == [200] * 8
    assert [reply.text for reply in replies] == expected


def test_the_first_requests_share_one_load(engine, demo_model):
    shutil.copyfile(demo_model, engine.home / "models" / "shared.gguf")
    with ThreadPoolExecutor(4) as executor:
        ask = functools.partial(engine.chat, model="shared")
        replies = list(executor.map(ask, ["a", "b", "c", "d"]))
    assert [reply.status for reply in replies] == [200] * 4
    assert engine.log.read_text().count("loading shared") == 1
