"""`python -I -m lodestar_translator`: see `command`."""

from __future__ import annotations

import os
import sys

from lodestar.private import seal

# First of all: what follows takes a while to import, and this process will see keys.
seal()

from lodestar_translator.command import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: litellm's threads, and its import while it lasts, would be waited for.
    os._exit(code)
