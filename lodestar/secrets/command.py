"""A key that a command of the user's prints, such as `pass show openai`."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lodestar.errors import CredentialsError, UsageError

SECONDS = 30.0
"""Long enough to type the passphrase that it may ask for in a window."""
LIMIT = 4096


def words(text: str) -> list[str]:
    """A command as a list of words, the program first. Raises UsageError."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        found, why = [], str(error)
    else:
        why = "it is empty"
    if not found:
        raise UsageError("the command cannot be read", why, 'for example: "pass show openai"')
    return found


def output(text: str, environ: Mapping[str, str], folder: Path) -> str:
    """The first line that the command prints. Raises CredentialsError without any of it.

    No shell sees the command. It runs in `folder`: what lies in a project is never found by a
    name without a path.
    """
    command = words(text)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _failed(command, f"it cannot be run: {_reason(error)}") from None
    with process:
        data = _read(process, command)
    line = data.decode("utf-8", "replace").partition("\n")[0].strip()
    if not line:
        raise _failed(command, "it printed nothing")
    return line


def _read(process: subprocess.Popen[bytes], command: Sequence[str]) -> bytes:
    """All that it prints. It is ended, with what it has started, where that takes too long."""
    deadline, data = time.monotonic() + SECONDS, b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            while selector.select(max(0.0, deadline - time.monotonic())):
                block = os.read(process.stdout.fileno(), LIMIT)  # type: ignore[union-attr]
                data += block
                if len(data) > LIMIT:
                    raise _failed(command, "it prints more than a key")
                if not block:
                    code = process.wait(max(0.0, deadline - time.monotonic()))
                    if code:
                        raise _failed(command, f"it ended with exit code {code}")
                    return data
    except subprocess.TimeoutExpired:
        pass  # told below, as for one that never closes its output
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    raise _failed(command, f"it did not end within {SECONDS:.0f} seconds")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _failed(command: Sequence[str], why: str) -> CredentialsError:
    """Its arguments are not repeated: nobody knows what they are."""
    what = f"the command for the key failed: {command[0]}"
    return CredentialsError(what, why, "run it yourself; what it asks for may have to be unlocked")
