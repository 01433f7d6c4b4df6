"""Which cache serves a prompt."""

import pytest

from lodestar_engine.slots import MAX_SLOTS, SlotPool, common_prefix


class FakeCache:
    """Holds what a llama.cpp context would hold, and the adapter it is set up for."""

    def __init__(self):
        self.held = []
        self.key = None
        self.can_truncate = True

    def truncate(self, length):
        if not self.can_truncate and length < len(self.held):
            self.held = []
            return False
        self.held = self.held[:length]
        return True

    def copy_from(self, source):
        assert self.key == source.key
        self.held = list(source.held)
        return True


def set_key(cache, key):
    assert cache.held == []
    cache.key = key


class Pool:
    """A slot pool with a worker that answers each prompt with three tokens."""

    def __init__(self, limit=MAX_SLOTS):
        self.left = limit - 1
        self.slots = SlotPool(self._open, set_key, FakeCache())

    def _open(self):
        self.left -= 1
        return FakeCache() if self.left >= 0 else None

    def ask(self, prompt, key=None):
        """The number of tokens that were cached."""
        slot = self.slots.take(key, prompt)
        assert slot.cache.key == slot.key == key
        assert slot.cache.held == slot.tokens == prompt[: len(slot.tokens)]
        assert len(slot.tokens) < len(prompt)
        cached = len(slot.tokens)
        slot.tokens.extend([*prompt[cached:], -1, -2, -3])
        slot.cache.held = list(slot.tokens)
        return cached


def words(start, count):
    return list(range(start, start + count))


SYSTEM = words(0, 1000)
MAIN = SYSTEM + words(10_000, 500)
OTHER = SYSTEM + words(20_000, 500)
COMMIT = words(30_000, 300)


def test_the_last_token_is_always_processed_again():
    pool = Pool()
    assert pool.ask(MAIN) == 0
    assert pool.ask(MAIN) == len(MAIN) - 1


def test_main_and_commit_message_do_not_evict_each_other():
    pool = Pool(limit=2)
    pool.ask(MAIN)
    pool.ask(COMMIT)
    for turn in range(1, 5):
        assert pool.ask(MAIN + words(40_000, 10 * turn)) >= len(MAIN)
        assert pool.ask(COMMIT + words(50_000, 10 * turn)) >= len(COMMIT)


def test_a_common_beginning_is_copied_and_not_taken_away():
    pool = Pool()
    pool.ask(MAIN)
    assert pool.ask(OTHER) == len(SYSTEM)
    assert pool.ask([*MAIN, 7]) >= len(MAIN)
    assert pool.ask([*OTHER, 7]) >= len(OTHER)


def test_going_back_a_little_needs_no_other_cache():
    pool = Pool()
    for turn in range(9):
        assert pool.ask(MAIN + words(10_000 * turn, 150)) >= (len(MAIN) if turn else 0)
    assert len(pool.slots.slots) == 1


def test_with_a_single_cache_the_common_beginning_still_helps():
    pool = Pool(limit=1)
    pool.ask(MAIN)
    assert pool.ask(OTHER) == len(SYSTEM)


def test_a_busy_conversation_does_not_evict_a_resting_one_soon():
    pool = Pool()
    pool.ask(OTHER)
    for turn in range(6):
        pool.ask(MAIN + words(60_000 + 1000 * turn, 200))
    assert pool.ask([*OTHER, 7]) >= len(OTHER)


def test_a_conversation_nobody_comes_back_to_makes_room_in_the_end():
    pool = Pool()
    for number in range(20):
        pool.ask(words(100_000 * number, 1000))
    assert pool.ask([*words(1_800_000, 1000), 7]) == 1000
    assert pool.ask(words(0, 1000)) == 0


def test_another_adapter_never_sees_what_the_base_has_cached():
    pool = Pool()
    pool.ask(MAIN)
    assert pool.ask(MAIN, "adapter") == 0
    assert pool.ask(MAIN, "adapter") == len(MAIN) - 1
    assert pool.ask(MAIN) == len(MAIN) - 1


def test_adapters_take_turns_in_a_single_cache():
    pool = Pool(limit=1)
    for key in (None, "one", "two", None):
        assert pool.ask(MAIN, key) == 0


def test_a_cache_that_cannot_go_back_starts_anew():
    pool = Pool(limit=1)
    pool.ask(MAIN)
    pool.slots.slots[0].cache.can_truncate = False
    assert pool.ask(OTHER) == 0


@pytest.mark.parametrize(
    ("left", "right", "length"),
    [([], [1], 0), ([1, 2], [1, 2], 2), ([1, 2, 3], [1, 2], 2), ([1, 2], [1, 3], 1), ([2], [1], 0)],
)
def test_a_common_prefix_is_as_long_as_it_can_be(left, right, length):
    assert common_prefix(left, right) == common_prefix(right, left) == length
