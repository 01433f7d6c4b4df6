"""Aider's `.aider.chat.history.md`: sessions, messages, and the lines that count tokens.

What Aider itself says is written as `> ...` and the user's words as `#### ...`, each with two
spaces at its end, which tells them from an answer that quotes something. A call is known by its
line of tokens; what the file has after the last one is not over yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone, tzinfo

from lodestar.exchange import Kind
from lodestar.imports.aider_tokens import cost_of, counts_of
from lodestar.imports.lines import Line, Reading
from lodestar.imports.said import DAY_MS, FIRST_MS, NO_MODEL, Run, Said, Trace, kind_of, model_of
from lodestar.imports.text import Text

FORMAT = "aider-chat"
HEADER = re.compile(r"# aider chat started at (.{1,40})\Z")
_WHEN = "%Y-%m-%d %H:%M:%S"
_MODEL = re.compile(r"(?:Main model|Model): (\S+) with (\S+) edit format")
_EDITOR = re.compile(r"Editor model: (\S+) with ")
_WEAK_OURS = "Weak model: openai/lodestar-weak"
_TRACES = (
    ("commit", re.compile(r"Commit ([0-9a-f]{7,40}) (.*)\Z")),
    ("undo", re.compile(r"Removed: ([0-9a-f]{7,40}) (.*)\Z")),
)
_SWITCHES = {"/ask": "ask", "/help": "ask", "/context": "ask", "/architect": "architect"}
_USER, _AIDER, _END = "####", "> ", "  "
MOST_TRACES = 100
"""Commits of one call; Aider makes one or two."""


@dataclass
class _State:
    """Where the reader is within a run: the model, and the user's message with its answers."""

    run: Run
    model: str = NO_MODEL
    editor: str = ""
    format: str = ""
    number: int = 0
    turn: int = 0
    in_words: bool = False
    switched: str = ""
    calls: int = 0
    prompt: Text = field(default_factory=Text)
    answer: Text = field(default_factory=Text)
    last: Said | None = None
    """The last call that was counted: something may still be said of it."""
    awaits_cost: bool = False

    def ask(self, words: str) -> None:
        """The user's words; a question by `/ask` is written again, without the command."""
        switch, _, rest = self.prompt.text.partition(" ")
        again = bool(words) and rest.startswith(words) and not self.calls
        self.switched = _SWITCHES.get(switch, "") if again else ""
        self.turn += 1
        self.calls = 0
        self.prompt, self.answer = Text(), Text()

    def kind_and_model(self) -> tuple[Kind, str]:
        """Of the call that was just counted; what follows the first is Aider's own doing."""
        kind = kind_of(self.switched or self.format)
        if not self.calls:
            return kind, self.model
        if kind == "architect":
            return "editor", self.editor or self.model
        return "reflection", self.model


class ChatReader:
    """Reads one file, once. `zone` is where its times were written, None the system's."""

    def __init__(self, reading: Reading, zone: tzinfo | None, now_ms: int) -> None:
        self._reading, self._zone, self._now_ms = reading, zone, now_ms
        self._state: _State | None = None
        self._lost = False

    def read(self, lines: Iterable[Line]) -> Iterator[Said]:
        """Its calls, in their order."""
        for line in lines:
            self._reading.lines += 1
            if not line.whole:
                self._reading.odd(line.number, "the file ends in the middle of it")
                break
            if line.too_long:
                self._reading.odd(line.number, "it is too long; its beginning was read")
            yield from self._line(line)
        if self._state and self._state.awaits_cost:
            # Its cost has not come yet.
            self._state.last = None
        yield from self._finished()

    def _line(self, line: Line) -> Iterator[Said]:
        text, state = line.text, self._state
        if header := HEADER.match(text):
            yield from self._finished()
            run = self._run(line.number, header[1])
            self._state, self._lost = _State(run) if run else None, run is None
        elif state is None:
            self._outside(line)
        elif text.startswith(_USER) and text.endswith(_END):
            if not state.in_words:
                yield from self._finished()
                state.ask(text[len(_USER) :].strip())
            state.prompt.add(text[len(_USER) :].strip())
            state.in_words = True
        else:
            state.in_words = False
            yield from self._said(state, line)

    def _said(self, state: _State, line: Line) -> Iterator[Said]:
        text = line.text
        said = text[len(_AIDER) :].strip() if text.startswith(_AIDER) else ""
        # A line that is not over has no spaces at its end: its cost comes with the next one.
        broken = not text.endswith(_END)
        if said.startswith("Tokens: ") and (not broken or _awaits_cost(said)):
            yield from self._finished()
            self._count(state, line.number, said, broken)
        elif state.awaits_cost:
            self._add_cost(state, line.number, text.strip())
        elif said and not broken:
            _note(state, said)
        else:
            state.answer.add(text)

    def _outside(self, line: Line) -> None:
        """Once for all that stands together: a file may be anything."""
        if line.text.strip() and not self._lost:
            self._lost = True
            self._reading.odd(line.number, "it belongs to no session that can be read")

    def _run(self, number: int, when: str) -> Run | None:
        try:
            moment = datetime.strptime(when, _WHEN)
            named = int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000)
            if not FIRST_MS <= named <= self._now_ms + 2 * DAY_MS:
                raise ValueError(when)
            here = moment.replace(tzinfo=self._zone) if self._zone else moment.astimezone()
            started = int(here.timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            self._reading.odd(number, "no session can have begun at that time")
            return None
        self._reading.sessions += 1
        return Run(FORMAT, when, min(started, self._now_ms), named)

    def _count(self, state: _State, number: int, text: str, awaits_cost: bool) -> None:
        counts = counts_of(text)
        if counts is None:
            self._reading.odd(number, "its tokens or its cost cannot be read")
            state.answer = Text()
            return
        kind, model = state.kind_and_model()
        state.awaits_cost = awaits_cost
        state.last = Said(
            line=number,
            run=state.run,
            number=state.number,
            turn=state.turn,
            kind=kind,
            model=model,
            at_ms=state.run.started_ms + state.number,
            input=counts.input,
            output=counts.output,
            cache_read=counts.cache_read,
            cache_write=counts.cache_write,
            cost_nano=counts.cost_nano,
            raw=f"{state.prompt.digest()}\0{state.answer.digest()}\0{text}",
            prompt="" if state.calls else state.prompt.text,
            answer=state.answer.text.strip(),
        )
        state.number += 1
        state.calls += 1
        state.answer = Text()

    def _add_cost(self, state: _State, number: int, text: str) -> None:
        """Where something was read from and written to a cache, the cost has its own line."""
        nano = cost_of(text)
        state.awaits_cost = False
        if nano is None or state.last is None:
            self._reading.odd(number, "its cost cannot be read")
            state.last = None
        else:
            state.last = replace(state.last, cost_nano=nano)

    def _finished(self) -> Iterator[Said]:
        state = self._state
        if state and state.last:
            self._reading.messages += 1
            last, state.last, state.awaits_cost = state.last, None, False
            yield last


def _awaits_cost(said: str) -> bool:
    counts = counts_of(said)
    return counts is not None and counts.awaits_cost


def _note(state: _State, said: str) -> None:
    """What Aider says besides: which model it uses, and what became of the last answer."""
    if found := _MODEL.match(said):
        state.model, state.format = model_of(found[1]), found[2]
    elif found := _EDITOR.match(said):
        state.editor = model_of(found[1])
    elif said == _WEAK_OURS:
        state.run = replace(state.run, own=True)
    elif state.last and len(state.last.traces) < MOST_TRACES:
        for kind, pattern in _TRACES:
            if found := pattern.match(said):
                trace = Trace(kind, found[1], found[2][:500])
                state.last = replace(state.last, traces=(*state.last.traces, trace))
