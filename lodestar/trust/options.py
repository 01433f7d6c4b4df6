"""Which of Aider's options a trusted repository may set, and why no other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LONGEST = 400
"""A longer value cannot be taken in at a glance, so it cannot be agreed to."""
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,3})?\Z")
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z _-]{0,31}\Z")
_REFRESH = re.compile("auto|always|files|manual")
_ENDINGS = re.compile("platform|lf|crlf")
_FORMAT = re.compile(r"[a-z][a-z-]{0,31}\Z")


@dataclass(frozen=True)
class Option:
    """One option: its shape, what it does with a value, and what the value must look like."""

    kind: Literal["flag", "value", "list"]
    effect: str
    pattern: re.Pattern[str] | None = None
    command: bool = False
    path: bool = False


_FLAG: Literal["flag"] = "flag"
_VALUE: Literal["value"] = "value"
ALLOWED: Mapping[str, Option] = {
    # What a team wants in each clone. It runs the repository's own commands: hence the question.
    "test-cmd": Option(_VALUE, "runs `{}`", command=True),
    "auto-test": Option(_FLAG, "runs the test command after each edit"),
    "lint-cmd": Option("list", "runs `{}` on each edited file", command=True),
    "auto-lint": Option(_FLAG, "checks each edited file with the lint command"),
    # Text for the model; it may mislead a model, as any file of the repository may.
    "read": Option("list", "shows {} to the model in each message", path=True),
    "commit-prompt": Option(_VALUE, "tells the model how to write commit messages"),
    "commit-language": Option(_VALUE, "language of commit messages", _LANGUAGE),
    "chat-language": Option(_VALUE, "language of the answers", _LANGUAGE),
    # How edits are asked for and how much of the repository goes along.
    "edit-format": Option(_VALUE, "edits in the format {}", _FORMAT),
    "editor-edit-format": Option(_VALUE, "edits in the format {}", _FORMAT),
    "map-tokens": Option(_VALUE, "sends a map of the repository of {} tokens", _NUMBER),
    "map-multiplier-no-files": Option(_VALUE, "a larger map while no file is named", _NUMBER),
    "map-refresh": Option(
        _VALUE, "when the map is renewed", re.compile("auto|always|files|manual")
    ),
    "subtree-only": Option(_FLAG, "looks at the current folder only"),
    "line-endings": Option(_VALUE, "line endings of edits", _ENDINGS),
    # What is committed, and under whose name; nothing leaves the machine by it.
    "auto-commits": Option(_FLAG, "commits each edit"),
    "dirty-commits": Option(_FLAG, "commits your own changes before an edit"),
    "attribute-author": Option(_FLAG, "names Aider as author"),
    "attribute-committer": Option(_FLAG, "names Aider as committer"),
    "attribute-co-authored-by": Option(_FLAG, "names Aider as co-author"),
    "attribute-commit-message-author": Option(_FLAG, "marks messages of Aider's commits"),
    "attribute-commit-message-committer": Option(_FLAG, "marks all commit messages"),
    # The hooks are in .git, where a clone brings none: the user has put them there.
    "git-commit-verify": Option(_FLAG, "runs the commit hooks in .git"),
    "show-diffs": Option(_FLAG, "shows the diff of each commit"),
}
STORE_TRUE = frozenset({"subtree-only", "show-diffs"})
"""Flags that have no opposite in Aider: `false` is what they are anyway."""
NEVER: Mapping[str, str] = {
    "openai-api-base": "would send your code and key elsewhere",
    "openai-api-type": "would change where requests go",
    "openai-api-version": "would change where requests go",
    "openai-api-deployment-id": "would change where requests go",
    "openai-organization-id": "would bill somebody else's account",
    "openai-api-key": "sets a key: keys are yours",
    "anthropic-api-key": "sets a key: keys are yours",
    "api-key": "sets a key: keys are yours",
    "set-env": "sets environment variables, and with them servers, proxies and keys",
    "env-file": "sets environment variables, and with them servers, proxies and keys",
    "verify-ssl": "would accept any server's certificate",
    "load": "would run Aider's commands at the start, also shell commands",
    "notifications-command": "would run a command whenever Aider waits",
    "editor": "would run a command on /editor",
    "yes-always": "would answer every question with yes",
    "auto-accept-architect": "would accept edits without a question",
    "suggest-shell-commands": "decides about shell commands",
    "watch-files": "would send requests whenever a file changes",
    "test": "would run the test command at the start",
    "lint": "would run the lint command at the start",
    "apply": "would edit files at the start",
    "message": "would send a request at the start",
    "message-file": "would send a request at the start",
    "commit": "would commit at the start",
    "file": "would put files into the chat",
    "gui": "would start a web server",
    "model": "chooses a model: `main` in .lodestar.yaml may, among yours",
    "weak-model": "chooses a model: `weak` in .lodestar.yaml may, among yours",
    "editor-model": "chooses a model: `editor` in .lodestar.yaml may, among yours",
    "alias": "gives a model another name: models are yours",
    "model-settings-file": "changes how models are called",
    "model-metadata-file": "changes the limits and prices of models",
    "reasoning-effort": "would make answers dearer",
    "thinking-tokens": "would make answers dearer",
    "cache-keepalive-pings": "would send requests while you are away",
    "config": "names another configuration file",
    "analytics": "would report what you do",
    "analytics-log": "would write outside the repository's files",
    "analytics-posthog-host": "would report what you do elsewhere",
    "analytics-posthog-project-api-key": "would report what you do elsewhere",
    "chat-history-file": "would write the conversation elsewhere",
    "input-history-file": "would write the conversation elsewhere",
    "llm-history-file": "would write the conversation elsewhere",
    "upgrade": "would install software",
    "install-main-branch": "would install software",
}
"""What matters and never counts. Options in neither list are left to the user's own taste."""


def objection(name: str, value: str) -> str | None:
    """Why this value does not count although the option is allowed, or None."""
    option = ALLOWED[name]
    if option.kind == "flag":
        return None if value.lower() in _TRUE | _FALSE else "it must be true or false"
    if len(value) > LONGEST or not value.isprintable():
        return f"it is longer than {LONGEST} characters or has control characters"
    if not value.strip() or (option.pattern and not option.pattern.fullmatch(value)):
        return "the value is not one that Aider knows"
    return None


def arguments(name: str, value: str) -> tuple[str, ...]:
    """The option as Aider's argument; one word, so that a value is never an option itself."""
    if ALLOWED[name].kind != "flag":
        return (f"--{name}={value}",)
    if value.lower() in _TRUE:
        return (f"--{name}",)
    return () if name in STORE_TRUE else (f"--no-{name}",)


def split(words: Sequence[str]) -> list[tuple[int, str, str]]:
    """(position, option, value) of a list of command-line words; "" names what is no option."""
    found: list[tuple[int, str, str]] = []
    position = 0
    while position < len(words):
        start = position
        name, equals, value = words[position].partition("=")
        position += 1
        bare = name.removeprefix("--") if name.startswith("--") else ""
        if bare.startswith("no-") and bare[3:] in ALLOWED and not equals:
            found.append((start, bare[3:], "false"))
        elif bare in ALLOWED and ALLOWED[bare].kind == "flag" and not equals:
            found.append((start, bare, "true"))
        elif bare in ALLOWED and not equals and position < len(words):
            found.append((start, bare, words[position]))
            position += 1
        else:
            found.append((start, bare, value if bare else words[start]))
    return found
