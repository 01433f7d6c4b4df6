"""The real shim with other limits: `python impatient_shim.py '{"ask_s": 0.2}' --home ...`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from lodestar_shim.__main__ import main
from lodestar_shim.limits import DEFAULT

if __name__ == "__main__":
    sys.exit(main(replace(DEFAULT, **json.loads(sys.argv.pop(1)))))
