"""The engine's command line."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path

from lodestar.errors import LodestarError
from lodestar.paths import engine_socket
from lodestar.private import UMASK, seal
from lodestar.private_log import BoundedStderr
from lodestar.private_socket import listening
from lodestar_engine.instance import sole_instance
from lodestar_engine.native import versions
from lodestar_engine.native_log import NativeLog
from lodestar_engine.serve import Options, default_threads, serve


def main() -> int:
    """Serve until told to stop; 0 also where another engine serves this home already."""
    arguments = _parser().parse_args()
    # Its memory holds no key, but prompts.
    seal()
    if arguments.check:
        sys.stdout.write(json.dumps(versions()) + "\n")
        return 0
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[BoundedStderr(sys.stderr)],
    )
    try:
        _run(arguments)
    except LodestarError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _run(arguments: argparse.Namespace) -> None:
    os.umask(UMASK)
    home = Path(arguments.home).absolute()
    options = Options(
        home=home,
        threads=arguments.threads or default_threads(),
        idle_unload_s=arguments.idle_unload,
        idle_exit_s=arguments.idle_exit,
    )
    path = engine_socket(home)
    with sole_instance(home / "run", path) as sole:
        if sole:
            native_log = NativeLog()
            with listening(path) as server:
                # Not asyncio.run: it would wait at its end for a load in a worker thread.
                loop = asyncio.new_event_loop()
                loop.run_until_complete(serve(options, server, path))
            del native_log


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lodestar_engine", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--home", help="Lodestar's home: models, adapters, run")
    target.add_argument("--check", action="store_true", help="print llama.cpp's version and leave")
    parser.add_argument("--threads", type=int, default=0, help="default: the physical cores")
    parser.add_argument("--idle-unload", type=float, default=600.0, metavar="S")
    parser.add_argument("--idle-exit", type=float, default=60.0, metavar="S")
    return parser
