"""Taking secrets out of text before it is written anywhere."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator

from lodestar.known_secrets import SHORTEST, forms
from lodestar.secret_shapes import PEM, without_shapes

log = logging.getLogger("lodestar.redaction")

MAX_CHARS = 8 * 1024 * 1024
MAX_SECONDS = 2.0
_PIECE = 64 * 1024
_BREAK = re.compile(r"\n|[,;}\s](?=[^\n]{4096})")


class _TooSlowError(Exception):
    """The time is up."""


class Redactor:
    """Replaces secrets by `[REDACTED:kind]`.

    `known` are secrets that this process holds; they are found wherever they stand, also
    encoded. Values shorter than 8 characters are left alone.
    """

    def __init__(
        self, known: Iterable[str] = (), clock: Callable[[], float] = time.thread_time
    ) -> None:
        # The thread's own time: a busy machine must not cost the log its texts.
        self._known: list[str] = []
        self._clock = clock
        self.add(*known)

    def add(self, *secrets: str) -> None:
        """Learn secrets that were loaded later."""
        found = {form for value in secrets if len(value) >= SHORTEST for form in forms(value)}
        self._known = sorted(found.union(self._known), key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets. Never raises: what cannot be searched in time is dropped."""
        return self._dropping(text, self._without_any)

    def known(self, text: str) -> str:
        """The text without the secrets that this process holds, whatever else is in it."""
        return self._dropping(text, self._without_known)

    def _dropping(self, text: str, search: Callable[[str, float], str]) -> str:
        if len(text) > MAX_CHARS:
            return "[REDACTED:too_large]"
        try:
            return search(text, self._clock() + MAX_SECONDS)
        except _TooSlowError:
            return "[REDACTED:too_slow]"
        except Exception as error:
            # Without its words and its traceback, which may quote the text.
            log.error("redaction failed (%s); the text is dropped", type(error).__name__)
            return "[REDACTED:failed]"

    def _without_any(self, text: str, deadline: float) -> str:
        text = PEM.sub("[REDACTED:private_key]", self._without_known(text, deadline))
        done = []
        for piece in _pieces(text):
            self._look(deadline)
            done.append(without_shapes(piece))
        self._look(deadline)
        return "".join(done)

    def _without_known(self, text: str, deadline: float) -> str:
        # One search a form: far quicker than one pattern with many alternatives.
        for form in self._known:
            text = text.replace(form, "[REDACTED:known]")
            self._look(deadline)
        return text

    def _look(self, deadline: float) -> None:
        if self._clock() > deadline:
            raise _TooSlowError


def _pieces(text: str) -> Iterator[str]:
    """Runs of whole lines (of whole words where a line is long), to look at the clock between."""
    start = 0
    while start < len(text):
        cut = _BREAK.search(text, start + _PIECE, start + 2 * _PIECE)
        end = cut.end() if cut else start + 2 * _PIECE
        yield text[start:end]
        start = end
