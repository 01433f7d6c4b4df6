"""`python -m lodestar_shim`: one shim, from its arguments to its end."""

from __future__ import annotations

import os

from lodestar.private import UMASK, seal, take_over

# First of all: what follows takes a while to import, and this process will hold keys.
seal()

import argparse  # noqa: E402
import asyncio  # noqa: E402
import logging  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from lodestar.errors import LodestarError, UsageError  # noqa: E402
from lodestar.known_secrets import environment_secrets  # noqa: E402
from lodestar.private_log import BoundedFile, RedactedLines  # noqa: E402
from lodestar.redaction import Redactor  # noqa: E402
from lodestar.terminal import printable  # noqa: E402
from lodestar_shim.limits import DEFAULT, Limits  # noqa: E402
from lodestar_shim.server import serve  # noqa: E402
from lodestar_shim.spec import Spec, handed_spec, read_spec  # noqa: E402

LAYOUT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
log = logging.getLogger("lodestar.shim")


def main(limits: Limits = DEFAULT) -> int:
    """Run until told to leave; returns the exit code."""
    arguments = _arguments()
    if arguments.environment is not None:
        if not take_over(arguments.environment):
            return 1
        if arguments.environment > 2:
            os.close(arguments.environment)
    os.environ["LODESTAR_HOME"] = arguments.home
    os.umask(UMASK)
    try:
        return _run(arguments, limits)
    except LodestarError as error:
        return _failed(error)
    except OSError as error:
        what = f"cannot use {error.filename}" if error.filename else "the system refused"
        do = "check free space and permissions"
        return _failed(LodestarError(what, str(error.strerror or error), do))
    except Exception as error:
        # Python's own traceback would go to a file that nobody redacts.
        log.exception("the shim failed")
        what = f"Lodestar's shim failed: {type(error).__name__}"
        do = f"report it with the last entry of {arguments.home}/logs/shim.log"
        return _failed(LodestarError(what, "this is a defect of Lodestar", do))


def _run(arguments: argparse.Namespace, limits: Limits) -> int:
    spec = _spec(arguments)
    if arguments.fd is not None:
        _check_loopback(arguments.fd)
    redactor = Redactor([spec.token, *environment_secrets(os.environ)])
    _log_to(Path(arguments.home) / "logs", redactor)
    if not spec.supervised:
        log.info("begins, in %s; its session is %s", spec.folder, spec.session)
    code = asyncio.run(serve(spec, arguments.port, arguments.fd, limits, redactor))
    if not spec.supervised:
        log.info("has ended")
    return code


def _spec(arguments: argparse.Namespace) -> Spec:
    if arguments.spec_from is not None:
        return handed_spec(arguments.spec_from)
    return read_spec(Path(arguments.spec)) if arguments.spec else Spec.standalone(arguments)


def _check_loopback(descriptor: int) -> None:
    """Whoever made the socket: nobody else's machine may reach it."""
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        address = listener.getsockname()[0]
    if address != "127.0.0.1":
        why = "the shim serves this machine only"
        raise UsageError(f"the shim does not listen on {address}", why, "bind 127.0.0.1")


def _failed(error: LodestarError) -> int:
    print(printable(str(error)), file=sys.stderr)  # noqa: T201
    return error.exit_code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lodestar shim serve")
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fd", type=int, help="an inherited listening socket")
    parser.add_argument("--environment", type=int, help="a descriptor to read it from")
    parser.add_argument("--spec", help="the session, as the supervisor wrote it")
    parser.add_argument("--spec-from", type=int, help="a descriptor to read the session from")
    parser.add_argument("--profile")
    return parser.parse_args()


def _log_to(folder: Path, redactor: Redactor) -> None:
    handler: logging.Handler
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / "shim.log"
        handler = BoundedFile(file)
    except OSError:
        # A home in which nothing can be written keeps nobody from working for free.
        handler = logging.StreamHandler()
    handler.setFormatter(RedactedLines(LAYOUT, lambda: redactor))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
