"""Errors meant for the user: what happened, why, what to do."""

from __future__ import annotations


class LodestarError(Exception):
    """An expected failure, shown as three lines and never as a traceback.

    `what`, `why` and `do` are one sentence each; `exit_code` is the process's
    exit code where the failure ends the command.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.do = do

    def __str__(self) -> str:
        return self.lines("error:")

    def lines(self, head: str) -> str:
        """The three lines; `head` is what the first one begins with."""
        said = ((head, self.what), ("why:", self.why), ("do:", self.do))
        width = max(len(label) for label, _ in said)
        # A name with a line break in it must not look like a line of ours.
        return "\n".join(
            f"{label.ljust(width)} {' '.join(text.split())}" for label, text in said if text
        )


class UsageError(LodestarError):
    """A wrong argument or an invalid configuration."""

    exit_code = 2


class CredentialsError(LodestarError):
    """A key is missing or refused."""

    exit_code = 4


class NoModelError(LodestarError):
    """No model can be reached."""

    exit_code = 5


class UntrustedError(LodestarError):
    """A repository's settings would need the user's trust, and do not have it."""

    exit_code = 6


class LedgerError(LodestarError):
    """The database cannot be used."""

    exit_code = 7
