"""Model names as the user types them, without a look at keys or at the network."""

from __future__ import annotations

import importlib
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.spec import Spec

NEEDS = (
    Need("aider.models", "MODEL_ALIASES"),
    Need("aider.models", "Model.validate_environment", ("self",)),
    Need("aider.models", "ModelInfoManager._update_cache", ("self",)),
    Need("aider.models", "ModelInfoManager.fetch_openrouter_model_info", ("self", "model")),
    Need("aider.openrouter", "OpenRouterModelManager._update_cache", ("self",)),
)


def install(spec: Spec) -> None:
    """Let bare aliases stand for `openai/<alias>`, and look nothing up outside."""
    models = importlib.import_module("aider.models")
    models.MODEL_ALIASES.update({name: f"openai/{name}" for name in spec.known_names})
    models.Model.validate_environment = _keys_are_with_the_shim
    models.ModelInfoManager._update_cache = lambda self: None
    models.ModelInfoManager.fetch_openrouter_model_info = lambda self, model: {}
    router = importlib.import_module("aider.openrouter").OpenRouterModelManager
    router._update_cache = lambda self: None


def _keys_are_with_the_shim(model: Any) -> dict[str, Any]:
    # Aider's own check loads litellm (2 s) and asks the user for keys that it must not have.
    return {"keys_in_environment": True, "missing_keys": []}
