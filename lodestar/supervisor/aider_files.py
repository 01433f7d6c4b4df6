"""The files that make each alias behave in Aider as the model behind it."""

from __future__ import annotations

import json
from typing import Any

from lodestar.catalog import WEAK, Catalog
from lodestar.settings import ModelEntry


def model_settings(catalog: Catalog) -> str:
    """Aider's model settings for every alias; JSON, which is YAML too."""
    return json.dumps([_settings(alias, entry) for alias, entry in _names(catalog)], indent=1)


def model_metadata(catalog: Catalog) -> str:
    """Aider's metadata for every alias. No prices: the ledger knows them, Aider's sum is wrong."""
    found = {f"openai/{alias}": _metadata(entry) for alias, entry in _names(catalog)}
    return json.dumps(found, indent=1)


def _names(catalog: Catalog) -> list[tuple[str, ModelEntry]]:
    """Every alias; those that are resolved per request behave as the model they begin with."""
    return [*catalog.offered, (WEAK, catalog.get(WEAK))]


def _settings(alias: str, entry: ModelEntry) -> dict[str, Any]:
    return {
        "edit_format": "whole",
        **entry.aider,
        "name": f"openai/{alias}",
        "weak_model_name": f"openai/{WEAK}",
    }


def _metadata(entry: ModelEntry) -> dict[str, Any]:
    metadata: dict[str, Any] = {"litellm_provider": "openai", "mode": "chat"}
    if entry.context:
        metadata["max_input_tokens"] = entry.context
        metadata["max_tokens"] = entry.context
    if entry.max_output:
        metadata["max_output_tokens"] = entry.max_output
    return metadata
