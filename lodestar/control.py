"""What core and modules add to Aider's prompt: slash commands, and what the status line asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lodestar.exchange import Route
from lodestar.settings import Settings
from lodestar.store.store import Store

StatusQuestion = Callable[[str, Route, Store, Settings], Mapping[str, Any]]
"""See the hook `control_actions`."""


@dataclass(frozen=True)
class Asked:
    """A command as the user typed it, and where their session stands.

    `route` is where the next message goes, None where that is not known yet. `confirmed` says that
    the user answered the command's question with yes.
    """

    session: str
    argument: str
    route: Route | None
    confirmed: bool
    store: Store
    settings: Settings


@dataclass(frozen=True)
class Reply:
    """What the user sees, and what the launcher does then.

    With a `question` nothing has been done yet: it is asked as yes or no, and on yes the command
    comes again, `confirmed`, with `argument` in the place of its own where there is one: the yes is
    to what the question named. `effect` is what only Aider can do; the launcher knows
    {"model": ALIAS}, the model from now on; {"resend": ALIAS}, the last message once more; and
    {"minutes": N}, the new length of the session.
    """

    lines: Sequence[str] = ()
    question: str | None = None
    argument: str | None = None
    effect: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SlashCommand:
    """A command of Aider's prompt that the shim serves. `run` is called in a worker thread.

    `help` is one line; `argument` is shown after the name, such as "[REASON]"; `words` are what
    completion offers. What the user did wrong is raised as LodestarError.
    """

    name: str
    help: str
    run: Callable[[Asked], Reply]
    argument: str = ""
    words: Callable[[Settings], Sequence[str]] = lambda settings: ()


ControlAction = SlashCommand | StatusQuestion
