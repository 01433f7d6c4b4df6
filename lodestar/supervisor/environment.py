"""The environment of Aider: the user's own, without keys, proxies and other people's switches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_DROPPED = re.compile(
    r"^(AIDER|LITELLM|USE_LITELLM|LODESTAR|PYTHON|OPENAI|ANTHROPIC|GEMINI|XAI|GROQ|MISTRAL"
    r"|DEEPSEEK|OPENROUTER|COHERE|AZURE|AZURE_OPENAI|OLLAMA)_"
    r"|^PYTHON[A-Z]*$"
    r"|(_API_KEY|_API_TOKEN|_AUTH_TOKEN|_PROXY)$",
    re.IGNORECASE,
)
_KEPT = frozenset({"LODESTAR_HOME"})


def aider_environment(environ: Mapping[str, str], key_names: Iterable[str]) -> dict[str, str]:
    """What Aider, and what it runs, may see; `key_names` are the catalogue's key variables."""
    keys = frozenset(key_names)
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name in keys or _DROPPED.search(name))
    }
