"""The real shim on a clock that a test can put forward: `python shifted_shim.py FILE --home ...`.

FILE holds the seconds by which the clock is ahead.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lodestar.clock
from lodestar.clock import boot_seconds

AHEAD = Path(sys.argv.pop(1))


def shifted() -> float:
    return boot_seconds() + float(AHEAD.read_text("ascii") or 0)


if __name__ == "__main__":
    # Before the shim is imported: it takes the clock from there.
    lodestar.clock.boot_seconds = shifted
    from lodestar_shim.__main__ import main

    sys.exit(main())
