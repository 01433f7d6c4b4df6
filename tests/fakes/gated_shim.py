"""The real shim with one more module, gatekeeper.py, found as other people's are.

python gated_shim.py '{"drain_s": 1}' --home ...
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

from lodestar import plugins
from lodestar_shim.__main__ import main
from lodestar_shim.limits import DEFAULT

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    ours = [EntryPoint("gatekeeper", "gatekeeper", "lodestar")]
    plugins.entry_points = lambda group: ours  # type: ignore[assignment, misc]
    sys.exit(main(replace(DEFAULT, **json.loads(sys.argv.pop(1)))))
