"""The log that Aider keeps with `--analytics-log FILE`: one event a line, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lodestar.imports.lines import Line, Reading
from lodestar.imports.said import DAY_MS, FIRST_MS, Run, Said, is_count, kind_of, model_of, nano_of

FORMAT = "aider-log"


class LogReader:
    """Reads one file, once."""

    def __init__(self, reading: Reading, now_ms: int) -> None:
        self._reading, self._now_ms = reading, now_ms
        self._run: Run | None = None
        self._number = 0

    def read(self, lines: Iterable[Line]) -> Iterator[Said]:
        """Its calls, in their order."""
        for line in lines:
            self._reading.lines += 1
            if not line.text.strip():
                continue
            event = self._event(line)
            if event is not None:
                yield from self._call(line, event)

    def _event(self, line: Line) -> Mapping[str, Any] | None:
        if line.too_long or not line.whole:
            why = "it is too long" if line.too_long else "the file ends in the middle of it"
            self._reading.odd(line.number, why)
            return None
        try:
            event = json.loads(line.text)
            event["event"], event["properties"].get, event["time"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._reading.odd(line.number, "it is no event of Aider's")
            return None
        if not _is_moment(event["time"], self._now_ms):
            self._reading.odd(line.number, "nothing can have happened at that time")
            return None
        return dict(event)

    def _call(self, line: Line, event: Mapping[str, Any]) -> Iterator[Said]:
        at_ms = min(int(event["time"] * 1000), self._now_ms)
        if event["event"] == "launched" or self._run is None:
            self._run = Run(FORMAT, line.text, at_ms, at_ms)
            self._number = 0
            self._reading.sessions += 1
        if event["event"] == "message_send":
            yield from self._sent(line, self._run, at_ms, event["properties"])

    def _sent(self, line: Line, run: Run, at_ms: int, said: Mapping[str, Any]) -> Iterator[Said]:
        counts = (said.get("prompt_tokens"), said.get("completion_tokens"))
        cost = nano_of(str(said.get("cost", 0)))
        if not all(is_count(count) for count in counts) or cost is None:
            self._reading.odd(line.number, "its tokens or its cost cannot be read")
            return
        kind = kind_of(str(said.get("edit_format")))
        self._number += 1
        self._reading.messages += 1
        # Aider writes a cost of nothing for a model whose price it does not know.
        yield Said(
            line=line.number,
            run=run,
            number=self._number - 1,
            turn=self._number,
            kind=kind,
            model=model_of(said.get("main_model")),
            # In the order of the file, also where a second has several.
            at_ms=at_ms + self._number - 1,
            input=int(counts[0] or 0),
            output=int(counts[1] or 0),
            cache_read=0,
            cache_write=0,
            cost_nano=cost or None,
            raw=line.text,
        )


def _is_moment(seconds: object, now_ms: int) -> bool:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    # A number that is none compares as False.
    return FIRST_MS <= seconds * 1000 <= now_ms + DAY_MS
