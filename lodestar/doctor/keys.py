"""Keys: whether they can be asked for, and the proof that a free-only shim has none."""

from __future__ import annotations

from lodestar.doctor.check import Check, Problem
from lodestar.doctor.free_only import proof
from lodestar.errors import LodestarError, UsageError
from lodestar.loading import Context
from lodestar.secrets.accounts import takes_key
from lodestar.secrets.finder import Finder


def checks(context: Context) -> list[Check]:
    """The checks of keys."""
    return [
        Check("places of keys that answer", lambda: unanswered(context)),
        Check("no paid key in a free-only shim", lambda: proof(context)),
    ]


def unanswered(context: Context) -> list[Problem]:
    """What keeps keys from being found: a keyring that hangs, a file that others may read.

    A machine without a keyring is in order.
    """
    entries = [entry for _, entry in context.catalog if takes_key(entry)]
    try:
        places = Finder.of(context).places(entries)
    except UsageError:
        return []  # A configuration that cannot be read is told by its own check.
    except LodestarError as error:
        return [Problem(f"{error.what}: {error.why}", error.do)]
    mute = sorted({place.where for place in places.values() if place.kind == "unknown"})
    do = "unlock it, or keep the keys elsewhere: lodestar keys set --help"
    return [Problem(f"the system's keyring cannot be asked: {why}", do) for why in mute]
