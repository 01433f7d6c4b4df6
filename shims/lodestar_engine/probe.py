"""`python -I -m lodestar_engine.probe PATH`: look at a GGUF file in a process that may die.

Prints one JSON object: the header's fields, or {"error": sentence}.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from lodestar_engine.gguf import HeaderError, read_header

MEMORY_BYTES = 512 << 20
CPU_SECONDS = 10


def restrict() -> None:
    """A hostile header may cost this much and no more."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (soft, hard))


def probe(path: Path) -> dict[str, object]:
    """The header as JSON values, or what is wrong with the file."""
    try:
        return read_header(path).as_json()
    except HeaderError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"it cannot be read ({error.strerror})"}
    except MemoryError:
        return {"error": "its header needs too much memory"}


if __name__ == "__main__":
    restrict()
    sys.stdout.write(json.dumps(probe(Path(sys.argv[1]))))
