"""The real shim with something put in: `python changed_shim.py WHAT --home ...`.

`answer`: what passes answers on fails, and quotes the headers of the request to the upstream.
`start`: the start fails with all that the environment holds.
`keyring`: there is a keyring, and every key in it is the value of the variable DRAWER.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from lodestar.secrets import system
from lodestar_shim import __main__ as program
from lodestar_shim.http_client import HttpClient


async def _broken_call(_: HttpClient, *call: Any) -> None:
    raise RuntimeError(f"a fault: {call!r}")


async def _broken_start(*_: object) -> int:
    secret_environment = dict(os.environ)
    raise RuntimeError(f"a fault: {secret_environment!r}")


if __name__ == "__main__":
    what = sys.argv.pop(1)
    if what == "answer":
        HttpClient._ask = _broken_call  # type: ignore[method-assign, assignment]
    elif what == "start":
        program.serve = _broken_start  # type: ignore[assignment]
    else:
        system.password = lambda name: os.environ["DRAWER"]
    sys.exit(program.main())
