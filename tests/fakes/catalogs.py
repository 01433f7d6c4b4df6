"""The real shim with another built-in catalogue: `python catalogs.py FOLDER --home ...`.

A built-in alias is served by its provider: only here it is one that a test can listen to.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lodestar import loading
from lodestar.modules.usage_tracker import comparison
from lodestar_shim.__main__ import main


def use(folder: Path) -> None:
    """Read the built-in catalogue and profiles from there, in this process."""
    loading.builtin_profiles = lambda: folder  # type: ignore[attr-defined]
    comparison.builtin_profiles = lambda: folder  # type: ignore[attr-defined]


if __name__ == "__main__":
    use(Path(sys.argv.pop(1)))
    sys.exit(main())
