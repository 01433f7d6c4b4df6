"""A session that is free only: no key of a paid model gets near it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lodestar.errors import UsageError
from lodestar.loading import Context
from lodestar.secrets.accounts import without_paid_keys
from lodestar.supervisor.shim_token import own_tokens

_MODEL_OPTIONS = ("--model", "--weak-model", "--editor-model")


def shim_environment(context: Context, environ: Mapping[str, str]) -> dict[str, str]:
    """What the shim may see: without the keys of paid models where the session is free only.

    And without the API key of a shim of ours, which `lodestar shim env` puts into OPENAI_API_KEY:
    it would be sent to a provider.
    """
    ours = own_tokens(context.home)
    seen = {name: value for name, value in environ.items() if value.strip() not in ours}
    if not context.settings.limits.free_only:
        return seen
    return without_paid_keys(seen, (entry for _, entry in context.catalog))


def check_models(context: Context, arguments: Sequence[str]) -> Iterator[str]:
    """Lines for the user about paid models that the profile names, where it is free only.

    Raises UsageError where the user asks for one in Aider's arguments, or for one that is not
    known: Aider would find out with the first message.
    """
    asked = [alias for alias in _asked_for(arguments) if alias]
    for alias in asked:
        context.catalog.get(alias)
    if not context.settings.limits.free_only:
        return
    for alias in asked:
        if alias in context.catalog and context.catalog.get(alias).paid:
            origin = context.origins.get("limits.free_only", "default")
            why = f"the session is free only ({origin}), so paid models are closed"
            do = f"name a free one, such as --model {_free(context)}, or lift limits.free_only"
            raise UsageError(f"`{alias}` is a paid model", why, do)
    settings = context.settings
    for role in ("main", "weak", "editor"):
        alias = getattr(settings, role) or ""
        if alias in context.catalog and context.catalog.get(alias).paid:
            yield f"free only: `{alias}` ({role} model) is paid and closed; a free model answers"


def _free(context: Context) -> str:
    """A free model to take instead; the profile's own where that is one."""
    main = context.settings.main
    if main in context.catalog and not context.catalog.get(main).paid:
        return main
    return next(alias for alias, entry in context.catalog if not entry.paid)


def _asked_for(arguments: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(arguments):
        name, given, value = word.partition("=")
        if name in _MODEL_OPTIONS:
            yield value if given else next(iter(arguments[number + 1 :]), "")
