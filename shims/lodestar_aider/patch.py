"""Replacing a method of Aider by one of ours that calls it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Function = Callable[..., Any]


def wrap(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Set `owner.name` to `make(original)`, keeping the original's name and signature."""
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(make(original)))


@contextmanager
def watched(thing: Any, name: str, make: Callable[[Function], Function]) -> Iterator[None]:
    """`wrap` for one object, whatever its class, and for as long as what is inside takes."""
    own = vars(thing).get(name)
    wrap(thing, name, make)
    try:
        yield
    finally:
        if own is None:
            delattr(thing, name)
        else:
            setattr(thing, name, own)
