"""llama.cpp's own messages, in the engine's log."""

from __future__ import annotations

import ctypes
import logging

from llama_cpp import llama_cpp as c

# llama.cpp tells much about each load at its information level: ours for debugging.
LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.WARNING, 4: logging.ERROR}
CONTINUED = 5
log = logging.getLogger("llama.cpp")


class NativeLog:
    """Starts llama.cpp and takes its messages; made once per process.

    It must outlive every use of llama.cpp, which holds a bare pointer to the callback. The
    package's own callback numbers the levels as an older llama.cpp did, and so drops errors.
    """

    def __init__(self) -> None:
        self._level = logging.DEBUG
        self._callback = c.llama_log_callback(self._write)
        c.llama_backend_init()
        c.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _write(self, level: int, text: bytes, _: object) -> None:
        if level != CONTINUED:
            self._level = LEVELS.get(level, logging.DEBUG)
        message = text.decode("utf-8", "replace").rstrip()
        if message:
            log.log(self._level, "%s", message)
