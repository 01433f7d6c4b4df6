"""Conversations that resend their context find it processed already."""

import shutil

import pytest

FILLER = "def function(argument):\n    return argument\n" * 8


def conversation(name, turns):
    """Aider's habit: everything said so far, then the new request."""
    return f"This is conversation {name}.\n{FILLER}" + "".join(
        f"\nTurn {turn} of {name}: change it once more.\n{FILLER}" for turn in range(turns)
    )


@pytest.fixture
def unused(engine, demo_model, request):
    """The name of the same model without any cache."""
    name = f"unused-{len(request.node.name)}"
    shutil.copyfile(demo_model, engine.home / "models" / f"{name}.gguf")
    return name


@pytest.fixture(scope="module")
def busy(engine):
    """An engine in which others have left their caches."""
    for name in ("w", "x", "y", "z"):
        engine.chat(conversation(name, 1), max_tokens=1)
    return engine


def test_a_second_turn_reuses_the_first(busy):
    first = busy.chat(conversation("A", 1), max_tokens=4)
    second = busy.chat(conversation("A", 2), max_tokens=4)
    assert second.cached > 0.9 * first.json["usage"]["prompt_tokens"]


def test_reuse_does_not_change_the_answer(busy, unused):
    for turn in (1, 2, 3):
        reply = busy.chat(conversation("B", turn), max_tokens=8)
    fresh = busy.chat(conversation("B", 3), model=unused, max_tokens=8)
    assert (reply.cached > 0, fresh.cached) == (True, 0)
    assert reply.text == fresh.text


def test_the_same_prompt_again_is_answered_the_same(busy):
    first, second = (busy.chat(conversation("C", 2), max_tokens=20) for _ in range(2))
    assert second.cached == second.json["usage"]["prompt_tokens"] - 1
    assert first.text == second.text


def test_interleaved_conversations_keep_their_caches(busy, unused):
    replies = {}
    for turn in (1, 2, 3):
        for name in ("main", "commit message of another kind", "second session"):
            reply = busy.chat(conversation(name, turn), max_tokens=4, model=unused)
            replies[name, turn] = reply
    for (name, turn), reply in replies.items():
        if turn > 1:
            before = replies[name, turn - 1].json["usage"]["prompt_tokens"]
            assert reply.cached > 0.9 * before, (name, turn)


def test_conversations_with_a_common_beginning_share_it(busy, unused):
    beginning = "The same long instructions for everybody.\n" + FILLER
    first = busy.chat(beginning + "first", max_tokens=4, model=unused)
    tail = FILLER + "of the first session only, "
    busy.chat(beginning + tail * 2, max_tokens=4, model=unused)
    other = busy.chat(beginning + "second session\n" + FILLER[::-1] * 2, max_tokens=4, model=unused)
    again = busy.chat(beginning + tail * 3, max_tokens=4, model=unused)
    shared = 0.8 * first.json["usage"]["prompt_tokens"]
    assert other.cached > shared
    assert again.cached > 1.5 * shared
