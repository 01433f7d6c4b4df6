"""The hooks of learning."""

from __future__ import annotations

from typing import Any

from lodestar.hookspecs import hookimpl
from lodestar.modules.learning.rated import rated_answers
from lodestar.settings import Settings
from lodestar.store.store import Store


@hookimpl
def session_event(
    session: str, event: dict[str, Any], store: Store, settings: Settings
) -> list[str] | None:
    """Say at the end that ratings wait for the user's word."""
    if event["type"] != "finished" or settings.training.opt_in:
        return None
    count = rated_answers(store, session)
    if not count:
        return None
    rated = "1 of your answers is rated" if count == 1 else f"{count} of your answers are rated"
    return [f"{rated}; using them for training is off: lodestar config set training.opt_in true"]
