"""What the user sees of a failure, and where the rest of it is written."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lodestar.errors import LedgerError, LodestarError, UsageError
from lodestar.paths import lodestar_home
from lodestar.private_log import RedactedLines
from lodestar.terminal import one_line, printable

if TYPE_CHECKING:
    from lodestar.redaction import Redactor

INTERRUPTED = 130
LOG_BYTES = 1 << 20
SYSTEM_FAULTS = frozenset(
    {
        *(errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ESTALE),
        *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    }
)
DATABASE_FAULTS = (
    *("database disk image is malformed", "malformed database schema", "file is not a database"),
    *("disk I/O error", "database or disk is full", "unable to open database file"),
    *("attempt to write a readonly database", "database is locked"),
)
LAYOUT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
log = logging.getLogger("lodestar.cli")


def exit_code(work: Callable[[], int], environ: Mapping[str, str]) -> int:
    """Run a command; every exception becomes at most three lines on stderr and a code."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except click.exceptions.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except click.ClickException as error:
        return _show(_usage(error), environ)
    except LodestarError as error:
        return _show(error, environ)
    except Exception as error:
        found = _refused(error) or _folder_gone(error) or _database(error)
        failure = found or _internal(error, environ)
        return _show(failure, environ)


@contextmanager
def logging_to(environ: Mapping[str, str]) -> Iterator[None]:
    """Lodestar's log lines of warning and above: short to stderr, whole to logs/cli.log."""
    logger = logging.getLogger("lodestar")
    handlers: list[logging.Handler] = [_Lines(debug=_debug(environ))]
    file = _log_file(environ)
    if file:
        handlers.append(_writer(file))
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _Lines(logging.Handler):
    """One line of each different message to stderr."""

    def __init__(self, debug: bool) -> None:
        super().__init__(logging.WARNING)
        self._debug = debug
        self._seen: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        cause = f" ({record.exc_info[1]})" if record.exc_info else ""
        message = one_line(_redactor(os.environ).text(record.getMessage() + cause))
        if message in self._seen:
            return
        self._seen.add(message)
        print(f"warning: {message}", file=sys.stderr)
        if self._debug and record.exc_info and record.exc_info[1]:
            _print_traceback(record.exc_info[1])


class _PrivateFile(RotatingFileHandler):
    """A log file for its owner's eyes, and its predecessor."""

    def _open(self) -> TextIOWrapper:
        file = Path(self.baseFilename)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(0o600)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk must not turn one message into a page of another's traceback."""


def _writer(file: Path) -> logging.Handler:
    handler = _PrivateFile(file, "a", LOG_BYTES, 1, "utf-8", delay=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(RedactedLines(LAYOUT, lambda: _redactor(os.environ)))
    return handler


def _log_file(environ: Mapping[str, str]) -> Path | None:
    try:
        return lodestar_home(environ).root / "logs" / "cli.log"
    except LodestarError:
        return None


def _show(error: LodestarError, environ: Mapping[str, str]) -> int:
    print(printable(_redactor(environ).known(str(error))), file=sys.stderr)
    if _debug(environ):
        _print_traceback(error)
    return error.exit_code


def _usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lodestar"
    message = error.format_message()
    what, _, hint = message.partition(" Did you mean")
    return UsageError(what, f"Did you mean{hint}" if hint else "", f"see: {command} --help")


def _refused(error: Exception) -> LodestarError | None:
    """A disk or a system that does not do what it was asked is no defect of ours."""
    if not isinstance(error, OSError) or error.errno not in SYSTEM_FAULTS:
        return None
    what = f"cannot use {error.filename}" if error.filename else "the system refused"
    do = "check free space and permissions, then run it again"
    shown = LodestarError(what, str(error.strerror), do)
    shown.__cause__ = error
    return shown


def _folder_gone(error: Exception) -> LodestarError | None:
    """Whatever needs the current folder fails where somebody has deleted it."""
    if not isinstance(error, FileNotFoundError):
        return None
    try:
        os.getcwd()
    except FileNotFoundError:
        what = "the current folder does not exist any more"
        shown = LodestarError(what, "it was deleted or replaced", "change to another: cd")
        shown.__cause__ = error
        return shown
    return None


def _database(error: Exception) -> LodestarError | None:
    """What SQLite says of a file that is damaged, or of a disk that is full, is no defect."""
    # Not imported for it: without SQLite there is no such error.
    kind = getattr(sys.modules.get("sqlite3"), "DatabaseError", None)
    said = str(error)
    if kind is None or not isinstance(error, kind) or not said.startswith(DATABASE_FAULTS):
        return None
    do = "check free space; if it is damaged: lodestar data restore"
    shown = LedgerError("the database cannot be used", said, do)
    shown.__cause__ = error
    return shown


def _internal(error: Exception, environ: Mapping[str, str]) -> LodestarError:
    shown = LodestarError(
        f"internal error: {type(error).__name__}: {' '.join(str(error).split())}",
        "this is a defect of Lodestar, not of what you typed",
        "report it; LODESTAR_DEBUG=1 shows where it happened",
    )
    shown.__cause__ = error
    file = _log_file(environ)
    if file:
        _append_traceback(file, error)
        shown.do = f"report it with the last entry of {file}"
    return shown


def _append_traceback(file: Path, error: Exception) -> None:
    where = (type(error), error, error.__traceback__)
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, "internal error", (), where)
    handler = _writer(file)
    handler.emit(record)
    handler.close()


def _print_traceback(error: BaseException) -> None:
    text = _redactor(os.environ).text("".join(traceback.format_exception(error)))
    print(printable(text), end="", file=sys.stderr)


def _redactor(environ: Mapping[str, str]) -> Redactor:
    """What keeps the keys in the environment out of the words of other people's code."""
    from lodestar.known_secrets import environment_secrets
    from lodestar.redaction import Redactor

    return Redactor(environment_secrets(environ))


def _reader_left() -> int:
    # Whoever read our output is gone (`| head`); what is still buffered has nowhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _debug(environ: Mapping[str, str]) -> bool:
    return environ.get("LODESTAR_DEBUG", "0") not in ("", "0")
