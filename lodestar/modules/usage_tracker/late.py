"""Settlements that could not be written: kept in memory, and tried again."""

from __future__ import annotations

import logging
import threading
from weakref import WeakKeyDictionary

from lodestar.exchange import Outcome
from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.store.store import Store

log = logging.getLogger("lodestar.usage_tracker")
_Unsettled = list[tuple[Hold, Outcome]]
_unsettled: WeakKeyDictionary[Store, _Unsettled] = WeakKeyDictionary()
_guard = threading.Lock()


def settle(store: Store, hold: Hold, outcome: Outcome) -> None:
    """Settle a hold. Where that fails it stays held, which counts its worst case, until `retry`."""
    try:
        charges.settle(store, hold, outcome)
    except Exception:
        log.exception("a paid attempt could not be settled and stays held for now")
        with _guard:
            _unsettled.setdefault(store, []).append((hold, outcome))


def retry(store: Store) -> None:
    """Settle what could not be settled before."""
    if store not in _unsettled:
        return
    with _guard:
        waiting = _unsettled.pop(store, [])
    for hold, outcome in waiting:
        settle(store, hold, outcome)
