"""How much of the second turn's prompt processing the reuse of the first turn's saves.

`python tests/bench/engine_prefix.py [MODEL.gguf]`: prints one JSON line. Both figures come from
the same run and the same lengths: a second turn that continues the first, and the same turn
with another beginning, which no cache knows.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from conftest import DEMO, Engine, make_home

ROUNDS = 7
CODE = "def function(argument):\n    return argument\n"
FIRST_TURN = CODE * 60
SECOND_TURN = FIRST_TURN + "\nNow rename the function.\n" + CODE * 4


def measure(engine: Engine, prompt: str) -> tuple[float, int, int]:
    """Seconds to the first token of an answer, prompt tokens, cached tokens."""
    started = time.perf_counter()
    reply = engine.chat(prompt, max_tokens=1)
    seconds = time.perf_counter() - started
    return seconds, int(reply.json["usage"]["prompt_tokens"]), reply.cached


def rounds(engine: Engine) -> dict[str, object]:
    engine.chat("load the model", max_tokens=1)
    reused, fresh, cached, length = [], [], 0, 0
    for number in range(ROUNDS):
        measure(engine, f"Conversation {number}a.\n{FIRST_TURN}")
        seconds, length, cached = measure(engine, f"Conversation {number}a.\n{SECOND_TURN}")
        reused.append(seconds)
        fresh.append(measure(engine, f"{number}b conversation.\n{SECOND_TURN}")[0])
    with_reuse, without = statistics.median(reused), statistics.median(fresh)
    return {
        "rounds": ROUNDS,
        "prompt_tokens": length,
        "cached_tokens": cached,
        "second_turn_reused_ms": round(1000 * with_reuse, 1),
        "second_turn_fresh_ms": round(1000 * without, 1),
        "fresh_to_reused": round(without / with_reuse, 2),
    }


def main() -> None:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    home = Path(tempfile.mkdtemp(prefix="lodestar-bench-"))
    try:
        engine = Engine(make_home(home, model))
        try:
            print(json.dumps(rounds(engine)))
        finally:
            engine.stop()
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
