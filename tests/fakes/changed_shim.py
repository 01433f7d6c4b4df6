"""The real shim with something put in: `python changed_shim.py WHAT --home ...`.

`answer`: what passes answers on fails, and quotes the headers of the request to the upstream.
`start`: the start fails with all that the environment holds.
`keyring`: there is a keyring, and every key in it is the value of the variable DRAWER.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from lodestar import secrets
from lodestar_shim import __main__ as program
from lodestar_shim.relay import Relay


async def _broken_stream(self: Relay, answer: Any) -> None:
    secret_headers = dict(answer.request_info.headers)
    raise RuntimeError(f"a fault: {secret_headers!r}")


async def _broken_start(*_: object) -> int:
    secret_environment = dict(os.environ)
    raise RuntimeError(f"a fault: {secret_environment!r}")


if __name__ == "__main__":
    what = sys.argv.pop(1)
    if what == "answer":
        Relay.stream = _broken_stream  # type: ignore[method-assign, assignment]
    elif what == "start":
        program.serve = _broken_start  # type: ignore[assignment]
    else:
        secrets.keyring_password = lambda service, user: os.environ["DRAWER"]
    sys.exit(program.main())
