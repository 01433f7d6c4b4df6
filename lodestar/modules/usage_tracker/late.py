"""What could not be written at the end of a call: kept in memory, and tried again."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

from lodestar.store.patience import brief
from lodestar.store.store import Store

log = logging.getLogger("lodestar.usage_tracker")
MOST = 256
"""Calls that wait; the oldest is given up beyond it, and its hold counts in full."""
_Waiting = deque[Callable[[], object]]
_waiting: WeakKeyDictionary[Store, _Waiting] = WeakKeyDictionary()
_guard = threading.Lock()


def settle(store: Store, work: Callable[[], object]) -> None:
    """Settle a hold. Where that fails it stays held, which counts its worst case, until `retry`."""
    try:
        work()
    except Exception:
        log.exception("an attempt could not be booked and waits")
        with _guard:
            _waiting.setdefault(store, deque(maxlen=MOST)).append(work)


def book(store: Store, work: Callable[[], object]) -> None:
    """The same for what costs nothing: nobody's answer waits long for it."""
    with brief():
        settle(store, work)


def retry(store: Store) -> None:
    """Do what could not be done before."""
    if store not in _waiting:
        return
    with _guard:
        waiting = _waiting.pop(store, deque())
    for work in waiting:
        book(store, work)
