"""What the shim is told, though it may not hear it at once."""

from __future__ import annotations

import threading
from typing import Any

from lodestar_aider.events import Events
from lodestar_aider.turns import Turns


class LateAnswer:
    """A channel whose first answer comes too late, when the events have arrived."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.arrived = threading.Event()

    def send(self, events: list[dict[str, Any]]) -> bool:
        self.batches.append([dict(event) for event in events])
        self.arrived.set()
        return len(self.batches) > 1


def test_an_event_that_is_sent_again_keeps_its_id_and_no_other_has_it() -> None:
    channel = LateAnswer()
    events = Events(channel, Turns())
    events.emit("clear")
    events.emit("clear")
    events.start()
    assert channel.arrived.wait(10)
    events.close(10)
    first, again = channel.batches[:2]
    assert [event["id"] for event in first] == [event["id"] for event in again]
    assert len({event["id"] for event in first}) == 2
