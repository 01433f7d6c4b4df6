"""The translator's command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import threading
from pathlib import Path

from lodestar.private import UMASK
from lodestar.private_log import BoundedStderr
from lodestar.private_socket import listening
from lodestar_translator.serve import serve

log = logging.getLogger("lodestar.translator")


def main() -> int:
    """Serve until the shim that started it leaves; the token is the first line of stdin."""
    arguments = _parser().parse_args()
    os.umask(UMASK)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s",
        handlers=[BoundedStderr(sys.stderr)],
    )
    for handler in logging.getLogger().handlers:
        # Nobody else's lines: they may quote a prompt or a header.
        handler.addFilter(lambda record: record.name.startswith("lodestar"))
    _say_nothing_else()
    token = _line()
    if not token:
        return 1
    path = Path(arguments.socket)
    try:
        with listening(path) as server:
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(_unhandled)
            loop.run_until_complete(serve(server, path, token))
    except (ImportError, OSError) as error:
        log.error("the translator cannot start: %s", error)
        return 1
    return 0


def _line() -> str:
    """The first line of stdin, byte by byte: what follows is not ours to read yet."""
    line = b""
    while (byte := os.read(0, 1)) and byte != b"\n":
        line += byte
    return line.decode("ascii", "replace") if byte else ""


def _unhandled(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    # An exception's own words may quote a prompt.
    log.warning("%s: %s", context.get("message"), type(context.get("exception")).__name__)


def _say_nothing_else() -> None:
    """Failures in litellm's threads are named, not quoted."""

    def in_thread(args: threading.ExceptHookArgs) -> None:
        log.warning("a thread failed: %s", args.exc_type.__name__)

    def unraisable(args: object) -> None:
        log.warning("a failure: %s", type(getattr(args, "exc_value", None)).__name__)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lodestar_translator", description=__doc__)
    parser.add_argument("--socket", required=True, help="where to listen")
    return parser
