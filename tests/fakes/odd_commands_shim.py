"""The real shim with one more module, odd_commands.py, found as other people's are."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

from lodestar import plugins
from lodestar_shim.__main__ import main

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    ours = [EntryPoint("odd_commands", "odd_commands", "lodestar")]
    plugins.entry_points = lambda group: ours  # type: ignore[assignment, misc]
    sys.exit(main())
