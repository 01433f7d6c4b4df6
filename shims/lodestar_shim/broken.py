"""Remembering prompts whose answer broke off, so that a resend goes elsewhere and then ends."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict

from lodestar.exchange import Request

REMEMBERED = 256


class BrokenPrompts:
    """Counts the breaks of each prompt; the oldest are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def count(self, request: Request) -> int:
        """How often the answer to this prompt has broken off."""
        return self._counts.get(_digest(request), 0) if self._counts else 0

    def add(self, request: Request) -> None:
        """One more break."""
        digest = _digest(request)
        self._counts[digest] = self._counts.pop(digest, 0) + 1
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)


def _digest(request: Request) -> bytes:
    text = json.dumps([request.alias, request.body["messages"]], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
