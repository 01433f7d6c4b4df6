"""What happened in Aider, sent to the shim in order by one background thread."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from typing import Any

from lodestar_aider.channel import Channel
from lodestar_aider.turns import Turns

BATCH = 100
RETRY_S = 0.5

Event = dict[str, Any]


class Events:
    """A queue that is drained while the process lives; Aider never waits for it."""

    def __init__(self, channel: Channel, turns: Turns) -> None:
        self._channel = channel
        self._turns = turns
        self._queue: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="lodestar-events", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def emit(self, kind: str, **fields: Any) -> None:
        """Queue one event, tied to the current turn and its request unless told otherwise.

        Its id tells the shim that it has it already, where a batch is sent again.
        """
        event: Event = {
            "id": uuid.uuid4().hex,
            "type": kind,
            "ts_ms": time.time_ns() // 1_000_000,
            "turn": self._turns.number or None,
            "request": self._turns.request,
        }
        self._queue.put({**event, **fields})

    def close(self, timeout_s: float = 2.0) -> None:
        """Wait until all is sent, but no longer than this."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            while batch and not self._channel.send(batch):
                time.sleep(RETRY_S)

    def _next_batch(self) -> tuple[list[Event], bool]:
        batch: list[Event] = []
        event = self._queue.get()
        while event is not None:
            batch.append(event)
            if len(batch) == BATCH or self._queue.empty():
                return batch, True
            event = self._queue.get()
        return batch, False
