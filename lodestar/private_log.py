"""Log files: private to the user, and without the secrets that the process knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lodestar.redaction import Redactor


class RedactedLines(logging.Formatter):
    """Formats a record, its traceback included, and takes the secrets out."""

    def __init__(self, layout: str, redactor: Callable[[], Redactor]) -> None:
        """`redactor` is called for each record: most commands never write one."""
        super().__init__(layout)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        # What redaction says of its own failure holds no text, and would fail again.
        return text if record.name == "lodestar.redaction" else self._redactor().text(text)
