"""`lodestar code`: Aider, on the model that the profile names."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from lodestar.durations import parse_duration
from lodestar.errors import LodestarError, UsageError
from lodestar.terminal import printable

log = logging.getLogger("lodestar.cli.code")
PRELOAD_AFTER_S = 10.0
"""Aider's own start is over by then; the imports would slow it."""

Tag = Annotated[
    str | None,
    typer.Option("--tag", metavar="TAG", help="What this work counts for: client=acme."),
]


def code(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Work under this profile.")
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option("--time-limit", metavar="TIME", help="End the session after 45m, 2h, 1h30m."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="USD", help="Most that this session may cost: 0.50."),
    ] = None,
    free_only: Annotated[
        bool, typer.Option("--free-only", help="Close paid models; their keys are never read.")
    ] = False,
    tag: Tag = None,
    no_rating: Annotated[
        bool, typer.Option("--no-rating", help="Do not ask for a rating at the end.")
    ] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Without status, notices and outcomes: for an unknown Aider."),
    ] = False,
) -> None:
    """Code with Aider: free on the local model, unless you name a paid one.

    Every other argument goes to Aider unchanged, and Aider's exit code comes back:

    lodestar code app.py

    lodestar code --model local-coder app.py --message "rename function hello to greet"

    lodestar code -- --help          (Aider's own help)
    """
    flags = {"profile": profile, "tag": tag, **_limits(time_limit, budget, free_only)}
    raise typer.Exit(_work(flags, context.args, context.obj, ask=not no_rating, plain=plain))


def _limits(time_limit: str | None, budget: str | None, free_only: bool) -> dict[str, Any]:
    return {
        "limits.session_minutes": _minutes(time_limit),
        "limits.session_usd": dollars(budget),
        "limits.free_only": free_only or None,
    }


def dollars(text: str | None) -> str | None:
    """The amount without its sign. Raises UsageError for what is none."""
    amount = text and text.strip().removeprefix("$")
    if amount is None or re.fullmatch(r"\d{1,7}(\.\d{1,9})?|\.\d{1,9}", amount):
        return amount
    raise UsageError(
        f"`--budget {text}` cannot be used",
        "it takes US dollars: 2 or 0.50, at most 1000000",
        "for example: lodestar code --budget 0.50",
    )


def _minutes(text: str | None) -> int | None:
    if text is None:
        return None
    seconds = parse_duration(text, bare="m")
    if seconds < 60 or seconds % 60:
        raise UsageError(
            f"`--time-limit {text}` cannot be used",
            "a session's length is a number of whole minutes, one at least",
            "write it like 45m, 2h or 1h30m",
        )
    return seconds // 60


def _work(
    flags: Mapping[str, Any], arguments: Sequence[str], ahead: Any, ask: bool, plain: bool
) -> int:
    from lodestar.loading import load
    from lodestar.local_models import settled
    from lodestar.supervisor.free_only import check_models
    from lodestar.supervisor.session import run_session, warn
    from lodestar.supervisor.signals import Signals
    from lodestar.trust.question import settle

    loaded = load(flags)
    # What the user has decided about was told then; `lodestar trust` shows it.
    told = loaded.standing.decision in ("trusted", "ignored")
    if settle(loaded):
        loaded = load(flags)
    warn(() if told else loaded.warnings)
    before = len(loaded.warnings)
    loaded = settled(loaded)
    warn(loaded.warnings[before:])
    warn(list(check_models(loaded, arguments)))
    preload = threading.Timer(PRELOAD_AFTER_S, _preload)
    preload.daemon = True
    preload.start()
    with Signals() as signals:
        ended = run_session(loaded, flags, arguments, signals, ahead, plain)
        preload.cancel()
        with _extra():
            from lodestar.supervisor.ending import finish

            finish(loaded, ended, ask, signals)
    if ended.problem:
        raise ended.problem
    return ended.exit_code


@contextmanager
def _extra() -> Iterator[None]:
    """What follows is an extra: Aider's own result counts, whatever happens here."""
    # The terminal may be gone: closing its window is a normal end of a session.
    with suppress(OSError):
        try:
            yield
        except LodestarError as error:
            sys.stderr.write(f"{printable(str(error))}\n")
        except KeyboardInterrupt:
            sys.stderr.write("interrupted: the rest of the summary is left out\n")
        except Exception:
            log.warning("the session's summary failed", exc_info=True)


def _preload() -> None:
    """Import what the session's end needs while the user works."""
    import lodestar.supervisor.ending  # noqa: F401
