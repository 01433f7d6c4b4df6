"""What is read of Aider's files, and of files that only look like it."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lodestar.errors import UsageError
from lodestar.imports.aider_chat import ChatReader
from lodestar.imports.aider_log import LogReader
from lodestar.imports.aider_tokens import counts_of
from lodestar.imports.files import LONGEST
from lodestar.imports.lines import Line, Reading, lines_of, opened
from lodestar.imports.said import Said
from lodestar.imports.stable import stable_id
from lodestar.imports.text import CUT, MOST_CHARS

NOW = 1_790_000_000_000
HEAD = "\n# aider chat started at 2026-03-01 10:00:00\n\n> aider --model gpt-4o  \n"
MODEL = "> Main model: gpt-4o with diff edit format  \n> Weak model: gpt-4o-mini  \n"
COST = "Cost: $0.0067 message, $0.0075 session."


def ask(words: str, answer: str = "done", tokens: str = f"1.2k sent, 345 received. {COST}") -> str:
    return f"\n#### {words}  \n\n{answer}\n\n> Tokens: {tokens}  \n"


def chat(text: str, now: int = NOW, zone: str = "UTC") -> tuple[list[Said], Reading]:
    pieces = text.splitlines(keepends=True)
    lines = (Line(n, one.rstrip("\r\n"), one.endswith("\n")) for n, one in enumerate(pieces, 1))
    reading = Reading()
    return list(ChatReader(reading, ZoneInfo(zone), now).read(lines)), reading


def events(*rows: object) -> tuple[list[Said], Reading]:
    reading = Reading()
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    lines = (Line(number, text) for number, text in enumerate(texts, 1))
    return list(LogReader(reading, NOW).read(lines)), reading


def event(name: str = "message_send", time: object = 1_780_000_000, **said: object) -> object:
    sent = {"main_model": "gpt-4o", "edit_format": "diff", "prompt_tokens": 1200,
            "completion_tokens": 30, "cost": 0.0125, **said}  # fmt: skip
    return {"event": name, "properties": sent, "user_id": "u", "time": time}


def test_a_call_is_read_with_its_words_its_model_and_its_cost() -> None:
    (said,), reading = chat(HEAD + MODEL + ask("make it two", "Here:\n> a quote\n#### no word"))
    assert (said.prompt, said.model, said.kind) == ("make it two", "gpt-4o", "edit")
    assert said.answer == "Here:\n> a quote\n#### no word"
    assert (said.input, said.output, said.cost_nano) == (1200, 345, 6_700_000)
    assert said.at_ms == 1_772_359_200_000
    assert (reading.sessions, reading.messages, reading.not_understood) == (1, 1, 0)


def test_an_answer_after_lint_or_a_failed_edit_is_a_reflection() -> None:
    again = "> SearchReplaceNoExactMatch  \n\nonce more\n\n> Tokens: 2k sent, 9 received.  \n"
    first, second = chat(HEAD + MODEL + ask("x") + again)[0]
    assert (first.turn, second.turn) == (1, 1)
    assert (second.kind, second.prompt, second.answer) == ("reflection", "", "once more")
    assert second.cost_nano is None


def test_the_editor_of_an_architect_is_another_model() -> None:
    head = HEAD + "> Main model: o3 with architect edit format  \n"
    head += "> Editor model: gpt-4o with editor-diff edit format  \n"
    more = "\nedit\n\n> Tokens: 2k sent, 9 received.  \n"
    said = chat(head + ask("plan it") + more)[0]
    assert [(one.kind, one.model) for one in said] == [("architect", "o3"), ("editor", "gpt-4o")]


def test_a_question_is_told_from_an_edit() -> None:
    asked = "\n#### /ask what\n is it?  \n".replace("\n is", " is") + ask("what is it?")
    said = chat(HEAD + MODEL + asked + ask("change it"))[0]
    assert [(one.kind, one.prompt) for one in said] == [
        ("ask", "what is it?"),
        ("edit", "change it"),
    ]


def test_a_model_that_was_changed_counts_from_then_on() -> None:
    other = "\n#### /model gpt-4o-mini  \n> Model: gpt-4o-mini with whole edit format  \n"
    said = chat(HEAD + MODEL + ask("one") + other + ask("two"))[0]
    assert [one.model for one in said] == ["gpt-4o", "gpt-4o-mini"]
    assert [one.prompt for one in said] == ["one", "two"]


def test_commits_and_their_end_belong_to_the_answer_before_them() -> None:
    commit = "> Applied edit to a.py  \n> Commit 61cd1ed feat: two  \n"
    undo = "\n#### /undo  \n> Removed: 61cd1ed feat: two  \n"
    (said,) = chat(HEAD + MODEL + ask("x") + commit + undo)[0]
    assert [(one.type, one.commit) for one in said.traces] == [("commit", "61cd1ed")]


def test_a_cost_on_a_line_of_its_own_belongs_to_the_tokens_above() -> None:
    tokens = "1k sent, 2k cache write, 3k cache hit, 345 received."
    begun = ask("x", tokens=tokens).rstrip() + "\n"
    (said,) = chat(f"{HEAD}{MODEL}{begun}{COST}  \n")[0]
    assert (said.cache_read, said.cache_write, said.cost_nano) == (3000, 2000, 6_700_000)
    assert chat(HEAD + MODEL + begun)[0] == []
    # Of a model without a price there is no such line.
    assert chat(HEAD + MODEL + ask("x", tokens=tokens))[0][0].cost_nano is None


def test_what_is_not_over_yet_is_left_for_the_next_time() -> None:
    whole = HEAD + MODEL + ask("one") + ask("two")
    everything = chat(whole)[0]
    for cut in range(len(whole)):
        assert chat(whole[:cut])[0] == everything[: len(chat(whole[:cut])[0])]
    assert chat(whole[:-1])[0] == everything[:1]


def test_a_time_is_of_the_zone_in_which_it_was_written() -> None:
    utc, berlin = (
        chat(HEAD + MODEL + ask("x"), zone=zone)[0][0] for zone in ("UTC", "Europe/Berlin")
    )
    assert utc.at_ms - berlin.at_ms == 3_600_000
    assert utc.run.named_ms == berlin.run.named_ms


@pytest.mark.parametrize(
    "when", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-02-30 00:00:00",
             "2019-01-01 00:00:00", "\x1b[31mnow", "2027-01-01 00:00:00"]
)  # fmt: skip
def test_a_session_at_an_impossible_time_is_left_out_and_named(when: str) -> None:
    bad = HEAD.replace("2026-03-01 10:00:00", when)
    said, reading = chat(bad + MODEL + ask("x") + HEAD + MODEL + ask("y"))
    assert [one.prompt for one in said] == ["y"]
    assert reading.examples[0][0] == 2
    assert "no session can have begun" in reading.examples[0][1]


ODD_COSTS = ("-1", "inf", "nan", "1e300", "10001", "1,5")
ODD_TOKENS = ("-5", "1e9", "99999999999", "9" * 22, "\u0663", "1.2", "\x1b[31m5")


@pytest.mark.parametrize(
    "tokens",
    [
        *(f"{count} sent, 3 received." for count in ODD_TOKENS),
        *(f"3 sent, {count} received." for count in ODD_TOKENS),
        *(f"3 sent, 3 received. Cost: ${cost} message, $1 session." for cost in ODD_COSTS),
    ],
)
def test_numbers_that_cannot_be_are_not_understood(tokens: str) -> None:
    said, reading = chat(HEAD + MODEL + ask("x", tokens=tokens) + ask("y"))
    assert [one.prompt for one in said] == ["y"]
    assert [why for _, why in reading.examples] == ["its tokens or its cost cannot be read"]


def test_a_session_of_lodestars_own_is_known_by_its_weak_model() -> None:
    ours = HEAD + "> Main model: openai/local-coder with diff edit format  \n"
    ours += "> Weak model: openai/lodestar-weak  \n" + ask("x")
    assert chat(ours)[0][0].run.own
    assert not chat(HEAD + MODEL + ask("x"))[0][0].run.own


def test_an_event_has_exact_tokens_and_cost() -> None:
    (said,), reading = events(event("launched"), event("cli session"), event())
    assert (said.input, said.output, said.cost_nano) == (1200, 30, 12_500_000)
    assert said.at_ms == 1_780_000_000_000
    assert (reading.sessions, reading.lines, reading.not_understood) == (1, 3, 0)


def test_a_cost_of_nothing_is_no_price() -> None:
    assert events(event(cost=0))[0][0].cost_nano is None


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "null", "7", '"text"', "[" * 100_000, '{"event": 1}', "9" * 6000,
     event(prompt_tokens=-1), event(prompt_tokens=10**30), event(completion_tokens=True),
     event(cost=-1), event(cost=1e300), event(cost="x"), event(prompt_tokens="many"),
     event(time=-1), event(time=0), event(time=10**18), event(time="now"), event(time=1e308),
     '{"event": "message_send", "properties": {}, "time": NaN}',
     '{"event": "message_send", "properties": [], "time": 1780000000}',
     "\x00\x01\x02"],
)  # fmt: skip
def test_a_line_that_is_no_event_is_named_and_the_others_are_read(line: object) -> None:
    said, reading = events(event(), line, event())
    assert len(said) == 2
    assert [number for number, _ in reading.examples] == [2]


def test_an_id_follows_from_what_is_said_and_from_nothing_else() -> None:
    assert stable_id(5, "a", "b") == stable_id(5, "a", "b")
    assert len({stable_id(5, "a", "b"), stable_id(5, "ab", ""), stable_id(6, "a", "b")}) == 3
    assert stable_id(-1, "x")[:10] == "0" * 10


def test_tokens_are_as_aider_rounds_them() -> None:
    counts = counts_of("Tokens: 12k sent, 9.9k received.")
    assert counts
    assert (counts.input, counts.output, counts.cost_nano) == (12_000, 9_900, None)


def huge(path: Path, before: bytes, piece: bytes, pieces: int, after: bytes) -> Path:
    with open(path, "wb") as stream:
        stream.write(before)
        for _ in range(pieces):
            stream.write(piece)
        stream.write(after)
    return path


def read(path: Path) -> Iterator[Said]:
    with opened(path) as stream:
        yield from ChatReader(Reading(), timezone.utc, NOW).read(lines_of(stream, LONGEST))


def test_a_line_of_50_mb_takes_little_memory_and_hides_nothing(tmp_path: Path) -> None:
    before = (HEAD + MODEL + ask("one") + "\n#### two  \n\n").encode()
    after = ("\n" + "> Tokens: 1k sent, 2 received.  \n" + ask("three")).encode()
    path = huge(tmp_path / "h.md", before, b"x" * (1 << 20), 50, after)
    tracemalloc.start()
    try:
        said = list(read(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [one.prompt for one in said] == ["one", "two", "three"]
    assert len(said[1].answer) <= MOST_CHARS + len(CUT)
    assert peak < 20_000_000


def test_bytes_that_are_no_text_are_read_over(tmp_path: Path) -> None:
    body = ask("one").encode() + b"\xff\xfe\x00\x80\n" * 1000 + ask("two").encode()
    path = huge(tmp_path / "h.md", (HEAD + MODEL).encode(), body, 1, b"\x00")
    assert [one.prompt for one in read(path)] == ["one", "two"]


@pytest.mark.parametrize("name", ["missing", ".", "pipe", "nul\0name"])
def test_what_is_no_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    if name == "pipe":
        os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="cannot read"), opened(tmp_path / name) as stream:
        stream.read()


def test_lines_at_every_size_around_the_longest_are_told_apart(tmp_path: Path) -> None:
    for size in range(1, 9):
        path = huge(tmp_path / "x", b"a" * size, b"\n", 1, b"b\n")
        with opened(path) as stream:
            found = list(lines_of(stream, 5))
        assert [line.text[0] for line in found] == ["a", "b"]
        assert found[0].too_long is (size >= 5)
        assert all(line.whole for line in found)


def test_a_clock_a_day_off_is_forgiven() -> None:
    soon = datetime.fromtimestamp(NOW / 1000, tz=timezone.utc) + timedelta(hours=20)
    text = HEAD.replace("2026-03-01 10:00:00", f"{soon:%Y-%m-%d %H:%M:%S}")
    (said,) = chat(text + MODEL + ask("x"))[0]
    assert said.at_ms == NOW
