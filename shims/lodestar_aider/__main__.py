"""Entry point: `python -I <this file> SPEC.json`, with any Python that has Aider."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path


def load_package(folder: Path) -> None:
    """Make `lodestar_aider` importable from its own folder alone.

    Aider may live in another environment than ours: putting our site-packages on `sys.path`
    would mix two sets of pinned dependencies.
    """
    name = "lodestar_aider"
    found = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if found is None or found.loader is None:
        raise ImportError(f"{folder} holds no package")
    package = importlib.util.module_from_spec(found)
    sys.modules[name] = package
    found.loader.exec_module(package)


if __name__ == "__main__":
    try:
        load_package(Path(__file__).resolve().parent)
        sys.exit(importlib.import_module("lodestar_aider.launch").run(sys.argv[1:]))
    except KeyboardInterrupt:
        # Aider answers Ctrl-C itself; this one came before Aider was there.
        sys.exit(130)
