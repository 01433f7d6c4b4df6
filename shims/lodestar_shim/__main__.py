"""`python -m lodestar_shim`: one shim, from its arguments to its end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from lodestar.errors import LodestarError
from lodestar_shim.limits import DEFAULT, Limits
from lodestar_shim.server import serve
from lodestar_shim.spec import Spec, read_spec


def main(limits: Limits = DEFAULT) -> int:
    """Run until told to leave; returns the exit code."""
    arguments = _arguments()
    os.environ["LODESTAR_HOME"] = arguments.home
    os.umask(0o077)
    try:
        spec = read_spec(Path(arguments.spec)) if arguments.spec else Spec.standalone(arguments)
        _log_to(Path(arguments.home) / "logs")
        return asyncio.run(serve(spec, arguments.port, arguments.fd, limits))
    except LodestarError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except OSError as error:
        what = f"cannot use {error.filename}" if error.filename else "the system refused"
        do = "check free space and permissions"
        print(LodestarError(what, str(error.strerror or error), do), file=sys.stderr)  # noqa: T201
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lodestar shim serve")
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fd", type=int, help="an inherited listening socket")
    parser.add_argument("--spec", help="the session, as the supervisor wrote it")
    parser.add_argument("--profile")
    return parser.parse_args()


def _log_to(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / "shim.log",
        level=logging.INFO,
        format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s",
    )


if __name__ == "__main__":
    sys.exit(main())
