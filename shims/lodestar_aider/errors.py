"""The one expected failure of the launcher."""

from __future__ import annotations


class LaunchError(Exception):
    """Aider cannot be started safely: what happened, why, and what the user can do."""

    def __init__(self, what: str, why: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.do = do

    def text(self) -> str:
        """The three lines shown on stderr."""
        return f"error: {self.what}\n  why: {self.why}\n  do: {self.do}"
