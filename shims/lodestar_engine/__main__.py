"""`python -I -m lodestar_engine`: see `command`."""

import os
import sys

from lodestar_engine.environ import drop_secrets

# First of all: what follows is heavy to import, and this process may be replaced.
drop_secrets()

from lodestar_engine.command import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a load or a batch in a worker thread cannot be interrupted, and the
    # system takes the memory back faster than llama.cpp would.
    os._exit(code)
