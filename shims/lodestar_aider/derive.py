"""What Aider knows of a model: `python -I .../lodestar_aider/derive.py NAME [NAME ...]`.

Prints one JSON object a line, in the order asked:
{"name", "matched", "exact", "settings": {...}, "metadata": {...}}. `settings` are the
ModelSettings fields that differ from Aider's defaults; `exact` says whether Aider lists the
model, or only a rule for names like it applied. Nothing is asked of the network.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

PREFIXES = ("", "openai/", "anthropic/", "gemini/", "xai/", "deepseek/", "mistral/", "groq/")
LOCAL_PREFIXES = ("ollama_chat/", "ollama/")
# The names say where requests go, which is the shim's business.
DROPPED = ("name", "weak_model_name", "editor_model_name")
LIMITS = ("max_input_tokens", "max_output_tokens", "max_tokens")
DATE = re.compile(r"[-@](20\d{6}|20\d\d-\d\d-\d\d|latest)$")


def candidates(name: str) -> Iterator[str]:
    """Names under which Aider or litellm may list the model, the best first.

    A local model's `:tag` stays: deepseek-coder:6.7b is not the provider's deepseek-coder.
    """
    bare = name.split("/", 1)[-1]
    yield name
    prefixes = (*LOCAL_PREFIXES, *PREFIXES) if ":" in bare else PREFIXES
    undated = DATE.sub("", bare)
    for base in dict.fromkeys((bare, undated)):
        for prefix in prefixes:
            yield prefix + base


def derive(name: str, prices: dict[str, Any]) -> dict[str, Any]:
    """The settings Aider would use for the model, and its limits in `prices`."""
    models: Any = importlib.import_module("aider.models")
    listed = {entry.name for entry in models.MODEL_SETTINGS}
    exact = next((known for known in candidates(name) if known in listed), None)
    model = models.Model(exact or name, weak_model=False, editor_model=False)
    return {
        "name": name,
        "matched": model.name,
        "exact": exact is not None,
        "settings": _settings(model, fields(models.ModelSettings)),
        "metadata": _limits(name, prices),
    }


def _settings(model: Any, known: Any) -> dict[str, Any]:
    found = {
        field.name: getattr(model, field.name)
        for field in known
        if field.name not in DROPPED and not _is_default(getattr(model, field.name), field.default)
    }
    params = dict(found.pop("extra_params", None) or {})
    params.pop("extra_headers", None)
    return {**found, "extra_params": params} if params else found


def _is_default(value: Any, default: Any) -> bool:
    # A temperature of 1.0 equals True, but does not mean the same.
    return value in ([], {}) or (value == default and type(value) is type(default))


def _limits(name: str, prices: dict[str, Any]) -> dict[str, int]:
    entry: dict[str, Any] = next(
        (prices[known] for known in candidates(name) if known in prices), {}
    )
    return {limit: entry[limit] for limit in LIMITS if isinstance(entry.get(limit), int)}


def known_prices() -> dict[str, Any]:
    """litellm's bundled price list, with Aider's own entries over it, read as data."""
    prices: dict[str, Any] = {}
    found = importlib.util.find_spec("litellm")
    if found is not None and found.submodule_search_locations:
        bundled = "model_prices_and_context_window_backup.json"
        path = Path(found.submodule_search_locations[0]) / bundled
        prices.update(json.loads(path.read_text(encoding="utf-8")))
    models: Any = importlib.import_module("aider.models")
    path = Path(models.__file__).parent / "resources" / "model-metadata.json"
    prices.update(models.json5.loads(path.read_text(encoding="utf-8")))
    return prices


def stay_offline() -> None:
    """Keep Aider from looking for prices and keys, which would load litellm or the network."""
    models: Any = importlib.import_module("aider.models")
    models.Model.get_model_info = lambda self, model: {}
    models.Model.validate_environment = lambda self: {
        "keys_in_environment": True,
        "missing_keys": [],
    }


def main(names: list[str]) -> int:
    """Print what is known of each name; 2 without one."""
    if not names:
        sys.stderr.write("usage: derive.py NAME [NAME ...]\n")
        return 2
    stay_offline()
    prices = known_prices()
    for name in names:
        sys.stdout.write(json.dumps(derive(name, prices)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
