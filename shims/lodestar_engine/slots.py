"""Several KV caches over one base, so that interleaved conversations keep their prefixes.

A conversation resends its whole context each turn. The cache that shares the longest prefix
with a prompt serves it; where going back to that prefix would throw much away, the prefix is
copied into a spare cache instead, and the cache that is least worth keeping makes room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

MAX_SLOTS = 4
# Processing so few tokens again is cheaper than another cache: this many, or this part of
# what is shared.
CHEAP_TOKENS = 64
CHEAP_PART = 8


class Cache(Protocol):
    """What a slot needs of a context."""

    def truncate(self, length: int) -> bool: ...

    def copy_from(self: CacheT, source: CacheT, /) -> bool: ...


CacheT = TypeVar("CacheT", bound=Cache)


@dataclass
class Slot(Generic[CacheT]):
    """One cache, the tokens in it, and the adapter (its key) they were computed with."""

    cache: CacheT
    key: str | None = None
    tokens: list[int] = field(default_factory=list)
    used_at: int = 0

    def keep(self, length: int) -> None:
        """Drop all but the first `length` tokens; all of them where the cache cannot do that."""
        self.tokens = self.tokens[:length] if self.cache.truncate(length) else []

    def shared(self, key: str | None, tokens: Sequence[int]) -> int:
        """How many tokens of a prompt for `key` are already in this cache."""
        return common_prefix(self.tokens, tokens) if key == self.key else 0


class SlotPool(Generic[CacheT]):
    """Hands out the slot in which most of a prompt is already cached."""

    def __init__(
        self,
        open_cache: Callable[[], CacheT | None],
        set_key: Callable[[CacheT, str | None], None],
        first: CacheT,
    ) -> None:
        """`open_cache` gives one more cache, or None where there is no room for it."""
        self._open = open_cache
        self._set_key = set_key
        self._requests = 0
        self.slots: list[Slot[CacheT]] = [Slot(first)]

    def take(self, key: str | None, prompt: Sequence[int]) -> Slot[CacheT]:
        """A slot for this key whose tokens are a prefix of the prompt, and shorter than it."""
        # The last token is always processed anew: its logits are what the answer starts from.
        wanted = prompt[:-1]
        source = max(self.slots, key=lambda slot: (slot.shared(key, wanted), slot.used_at))
        target = self._target(source, key, wanted)
        if target.key != key:
            target.keep(0)
            self._set_key(target.cache, key)
            target.key = key
        if target is not source and source.shared(key, wanted) > CHEAP_TOKENS:
            copied = target.cache.copy_from(source.cache)
            target.tokens = list(source.tokens) if copied else []
        target.keep(target.shared(key, wanted))
        self._requests += 1
        target.used_at = self._requests
        return target

    def _target(self, source: Slot[CacheT], key: str | None, wanted: Sequence[int]) -> Slot[CacheT]:
        shared = source.shared(key, wanted)
        if len(source.tokens) - shared <= max(CHEAP_TOKENS, shared // CHEAP_PART):
            return source
        worth = [self._worth(slot, key, wanted) for slot in self.slots]
        # Age counts as much as worth: a resting conversation outlasts the leftovers of a busy
        # one, and a large one that nobody comes back to does not stay for ever.
        ages = [1 + self._requests - slot.used_at for slot in self.slots]
        least = min(range(len(worth)), key=lambda i: worth[i] / ages[i])
        return (worth[least] > CHEAP_TOKENS and self._grow()) or self.slots[least]

    def _grow(self) -> Slot[CacheT] | None:
        cache = self._open() if len(self.slots) < MAX_SLOTS else None
        if cache is None:
            return None
        self.slots.append(Slot(cache))
        return self.slots[-1]

    def _worth(self, slot: Slot[CacheT], key: str | None, wanted: Sequence[int]) -> int:
        """How many tokens would be lost with a slot: those in no other slot nor the prompt."""
        others = [other for other in self.slots if other is not slot]
        elsewhere = [other.shared(slot.key, slot.tokens) for other in others]
        return len(slot.tokens) - max([slot.shared(key, wanted), *elsewhere])


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    length = min(len(left), len(right))
    if left[:length] == right[:length]:
        return length
    return next(i for i in range(length) if left[i] != right[i])
