"""Tokens are bytes; what goes out is text."""

import itertools

import pytest

from lodestar_engine.text import TextStream

SAMPLE = "naïve 日本語 🙂 end"


def split(data, *cuts):
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def run(pieces, stop=()):
    stream = TextStream(stop)
    parts = []
    for piece in pieces:
        parts.append(stream.feed(piece))
        if stream.stopped:
            return parts
    return [*parts, stream.finish()]


def test_a_character_split_over_tokens_comes_out_whole_wherever_it_is_split():
    data = SAMPLE.encode()
    for first, second in itertools.combinations(range(len(data) + 1), 2):
        assert "".join(run(split(data, first, second))) == SAMPLE
    assert "".join(run([bytes([byte]) for byte in data])) == SAMPLE


def test_half_a_character_at_the_very_end_is_dropped():
    assert "".join(run([b"ab", "é".encode()[:1]])) == "ab"


def test_bytes_that_are_no_text_are_replaced_and_do_not_stop_the_stream():
    assert "".join(run([b"a\xff", b"b"])) == "a\ufffdb"


@pytest.mark.parametrize("stop", [("STOP",), ("XX", "STOP"), ("STOP", "STOPPED"), ("TOP", "STOP")])
def test_a_stop_string_never_goes_out_however_it_is_split(stop):
    data = b"some text SSTOPPED more"
    for cuts in itertools.combinations(range(len(data) + 1), 3):
        assert "".join(run(split(data, *cuts), stop)) == "some text S" + "S" * ("STOP" not in stop)


def test_the_beginning_of_a_stop_string_goes_out_when_it_was_none_after_all():
    assert "".join(run([b"ST", b"O", b"NE"], ["STOP"])) == "STONE"
    assert "".join(run([b"the end ST"], ["STOP"])) == "the end ST"
    assert run([b"the end ", b"ST"], ["STOP"]) == ["the end ", "", "ST"]


def test_an_empty_stop_string_stops_nothing():
    assert "".join(run([b"text"], [""])) == "text"
