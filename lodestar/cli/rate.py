"""`lodestar rate`: saying which edits were good."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.output import note
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.store.feedback import Verdict
    from lodestar.store.store import Store


SHORT = {"up": "good", "down": "bad"}
"""What stands for the last answer and its verdict."""


def rate(
    exchange: Annotated[
        str | None,
        typer.Argument(
            help="`up` or `down` for the last answer; else an exchange's id, or `last`."
        ),
    ] = None,
    verdict: Annotated[
        str | None, typer.Argument(help="good or bad; after `down` a reason.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="wrong, incomplete, format or overmuch.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="A word about it, kept in the log.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the newest rating back.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many edits to go through.", min=1)] = 10,
) -> None:
    """Go through edits that nobody rated yet, or rate one exchange.

    Example: lodestar rate down incomplete
    """
    from lodestar.cli.opening import configuration, open_store

    if exchange in SHORT:
        exchange, verdict, reason = "last", SHORT[exchange], verdict or reason
    _check(exchange, verdict, reason, undo)
    with open_store(configuration()) as store:
        if undo:
            _undo(store)
        elif exchange and verdict:
            _rate_one(store, exchange, verdict, reason, comment)
        else:
            _go_through(store, limit)


def _check(exchange: str | None, verdict: str | None, reason: str | None, undo: bool) -> None:
    from lodestar.rating import REASONS

    example = "for example: lodestar rate up"
    if exchange and (undo or verdict not in ("good", "bad")):
        raise UsageError("an exchange is rated `good` or `bad`", f"not `{verdict}`", example)
    if reason and reason not in REASONS.values():
        raise UsageError(f"`{reason}` is not a reason", f"known: {', '.join(REASONS.values())}")
    if reason and verdict != "bad":
        raise UsageError("only `bad` has a reason", "", "say more with --comment")


def _undo(store: Store) -> None:
    from lodestar.store.feedback import undo_last_rating

    rating = undo_last_rating(store)
    if rating is None:
        note("there is no rating to take back")
    else:
        note(f"took back: {rating['verdict']} ({rating['exchange_id'] or rating['session_id']})")


def _rate_one(
    store: Store, text: str, verdict: str, reason: str | None, comment: str | None
) -> None:
    from lodestar.known_secrets import environment_secrets
    from lodestar.log import find_exchange, show_exchange
    from lodestar.redaction import Redactor
    from lodestar.running import running_session
    from lodestar.store.feedback import add_rating
    from lodestar.store.text import storable

    if comment:
        comment = Redactor(environment_secrets(os.environ)).text(storable(comment))
    found = show_exchange(
        store, find_exchange(store, text, running_session(os.environ), answers=True)
    )
    kind: Verdict = "good" if verdict == "good" else "bad"
    add_rating(store, found["session_id"], found["id"], kind, "command", reason, comment)
    note(f"recorded: {verdict}{f' ({reason})' if reason else ''}. undo: lodestar rate --undo")


def _go_through(store: Store, limit: int) -> None:
    from lodestar.terminal import interactive
    from lodestar.unrated import unrated_edits

    edits = unrated_edits(store, limit)
    if not edits:
        note("every edit is rated, or there are none yet")
        return
    if not interactive(os.environ):
        raise UsageError(
            f"{len(edits)} edits are not rated, and there is no terminal to ask on",
            "",
            "name one: lodestar rate EXCHANGE good|bad",
        )
    from lodestar.cli.rate_list import go_through

    note(f"recorded {go_through(store, edits)} of {len(edits)}. undo: lodestar rate --undo")
