"""Where Lodestar means to differ: each with its reason, and what it takes away again.

What is left after that must be equal to plain Aider's, letter for letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

Change = Callable[[str], str]


@dataclass(frozen=True)
class Difference:
    """What differs, in words, and the changes that make the two equal."""

    words: str
    without: tuple[Change, ...]

    def apply(self, text: str) -> str:
        """The text without the difference."""
        for change in self.without:
            text = change(text)
        return text


def _out(pattern: str, text: str) -> str:
    return re.sub(pattern, "", text, flags=re.M)


OWN = r"budget|down|escalate|extend|free|paid|up|usage|why"
MODEL = partial(_out, r"^(Main model|Model): (?=openai/)|^Weak model: \S+\n")
STATUS = partial(_out, r"^(\[lodestar\])? (FREE|PAID) .*\n?")
SUMMARY = partial(_out, r"^(project: .*|(lint|tests) pass.*|spent nothing.*)\n?")
BLANK = partial(_out, r"^\s*\n|\s+$")
FIELDS = partial(_out, r"'(max_tokens|stream_options|stream)': (\{.*?\}|\w+)(, )?")
COMMANDS = partial(_out, rf"^/({OWN}) .*\n(\[ALIAS\]\n)?|,? ?/({OWN})\b")
SETTINGS = partial(_out, r"^.*(history_file|weak_model|env_file).*\n")
ALL = partial(re.compile(r".+", re.S).sub, "")

NAMED = "the weak model has a name of its own"
TOLD = "what the session came to stands below it, on stderr"
BELOW = "a status line"
DIFFERENCES = {
    "the lines at its start": Difference(NAMED, (MODEL,)),
    "`/help`: the list of commands": Difference("Lodestar's commands are in the list", (COMMANDS,)),
    "completion where Lodestar has commands, too": Difference(
        "Lodestar's commands are offered", (COMMANDS,)
    ),
    "a command that is none, and one that may be several": Difference(
        "what is ambiguous in Aider may be more so", (COMMANDS,)
    ),
    "`/ask` `/code` `/chat-mode`": Difference(NAMED, (MODEL,)),
    "`/model` with the provider's name": Difference(NAMED, (MODEL,)),
    "`/settings`: each option": Difference(
        f"{NAMED}; history and `.env` are in Lodestar's home", (SETTINGS,)
    ),
    "`--message`: what it prints, does, sends and returns": Difference(
        f"{NAMED}; {TOLD}; answers are bounded and their tokens counted (`max_tokens`,"
        " `stream_options`)",
        (MODEL, SUMMARY, FIELDS, BLANK),
    ),
    "what is sent to the model: every message, every field": Difference(
        "answers are bounded and their tokens counted (`max_tokens`, `stream_options`)", (FIELDS,)
    ),
    "a message on stdin; `--no-auto-commits`": Difference(
        f"{NAMED}; {TOLD}", (MODEL, SUMMARY, BLANK)
    ),
    "`--no-fancy-input --no-pretty`; Ctrl-D": Difference(f"{NAMED}; {BELOW}", (MODEL, STATUS)),
    "`--watch-files`; Ctrl-C twice": Difference(f"{NAMED}; {TOLD}", (MODEL, SUMMARY)),
    "files that are left in the project": Difference(
        "none: history and caches are kept in Lodestar's home", (ALL,)
    ),
    "a cloned project's `.aider.conf.yml` with a test command": Difference(
        "it is not run unless you trust it", (ALL,)
    ),
    "a cloned project's `.env` with another address": Difference("nothing is sent there", (ALL,)),
}
