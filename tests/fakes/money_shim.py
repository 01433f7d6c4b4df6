"""The real shim with its money path changed: `python money_shim.py HOW LIMITS --home ...`.

LIMITS are those of the shim (`impatient_shim.py`). HOW is

    unheld     it looks at the sums, sets nothing aside, and records each cost afterwards
    reserved   it is killed between the commit of its first hold and the request that follows
    unsettled  it is killed between the last byte of its first paid answer and the settlement
    usual      nothing is changed
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from typing import Any

from lodestar.exchange import Outcome
from lodestar.modules.usage_tracker import admission, charges, endings, holds
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.store.store import Store
from lodestar_shim.__main__ import main
from lodestar_shim.limits import DEFAULT

_place = holds.place
_admit = admission.admit


class _Nowhere:
    """A connection on which nothing happens."""

    def execute(self, *_: object) -> None:
        """Do nothing."""


def _place_nothing(_: object, *rest: Any) -> Hold:
    return _place(_Nowhere(), *rest)  # type: ignore[arg-type]


def _record_afterwards(store: Store, hold: Hold, outcome: Outcome) -> None:
    hidden = endings.may_hide(hold.request, hold.route.entry.model)
    most = hold.max_output * hold.answers
    ending = endings.judged(outcome, hold.amount, hold.max_input, most, hold.price, hidden)
    if ending.source == "unsent":
        return
    with store.write() as connection:
        row = {**charges._charge(hold, outcome.usage, ending), "hold_id": None}
        charges._insert(connection, row)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _admit_and_die(*arguments: Any) -> None:
    if isinstance(_admit(*arguments), admission.Admitted):
        _die()


def change(how: str) -> None:
    """Put the change into this process."""
    if how == "unheld":
        holds.place = _place_nothing
        charges.settle = _record_afterwards  # type: ignore[assignment]
    elif how == "reserved":
        admission.admit = _admit_and_die  # type: ignore[assignment]
    elif how == "unsettled":
        charges.settle = _die  # type: ignore[assignment]


if __name__ == "__main__":
    change(sys.argv.pop(1))
    sys.exit(main(replace(DEFAULT, **json.loads(sys.argv.pop(1)))))
