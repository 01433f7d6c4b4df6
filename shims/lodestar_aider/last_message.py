"""The user's last message: what was there before it, and what its answer made of that."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lodestar_aider.checkout import Checkout, Immovable
from lodestar_aider.compat import Need
from lodestar_aider.patch import Function, wrap
from lodestar_aider.turns import Turns

CODER = "aider.coders.base_coder"
NEEDS = (
    Need(CODER, "Coder.run_one", ("self", "user_message", "preproc")),
    Need(CODER, "Coder.send_message", ("self", "inp")),
    Need("aider.commands", "Commands._generic_chat_command", ("self", "args", "edit_format")),
    Need("aider.io", "InputOutput.write_text", ("self", "filename", "content")),
    Need("aider.utils", "touch_file", ("fname",)),
    Need("aider.repo", "GitRepo.commit", ("self", "fnames", "context", "message", "aider_edits")),
)


@dataclass(frozen=True)
class Chat:
    """The messages that a coder holds, and the files that are in the chat."""

    done: list[Any]
    current: list[Any]
    files: frozenset[str]

    @classmethod
    def of(cls, coder: Any) -> Chat:
        """As it is now."""
        return cls(list(coder.done_messages), list(coder.cur_messages), frozenset(coder.abs_fnames))

    @property
    def messages(self) -> list[Any]:
        """All of them, in order."""
        return [*self.done, *self.current]

    def put_into(self, coder: Any) -> None:
        """Make it the coder's chat; files that are gone stay out, or Aider would create them."""
        coder.done_messages = list(self.done)
        coder.cur_messages = list(self.current)
        coder.abs_fnames = {name for name in self.files if os.path.exists(name)}


@dataclass
class Message:
    """One message of the user, as it was sent, and its answer."""

    text: str
    edit_format: str | None
    """None where it was the usual one of its model."""
    before: Chat
    branch: str
    after: Chat | None = None
    turn: int | None = None
    request: str | None = None
    """The last one of the turn."""
    commits: list[str] = field(default_factory=list)
    """Those with the edits of the answer, the oldest first."""
    written: dict[str, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    """By path: what was in the file before its answer, and after."""
    mixed: set[str] = field(default_factory=set)
    """Paths that somebody else wrote to between two edits of the answer."""

    def chat_without(self, now: Chat) -> Chat | None:
        """The chat without this message and its answer; None where that cannot be told apart."""
        if self.after is None:
            return None
        end = len(self.after.messages)
        if not now.messages or now.messages[:end] != self.after.messages:
            return now if not now.messages else None
        # What the user has added since, such as the output of a command, stays.
        rest = now.messages[end:]
        return Chat(self.before.done, [*self.before.current, *rest], now.files)

    def check_files(self, checkout: Checkout, base: str, top: str) -> None:
        """Raises Immovable where the commits hold more than the answer's edits.

        A commit takes the whole file: with what was uncommitted in it before, where Aider does
        not commit that first, and with what was saved while Aider asked for a commit message.
        """
        for file in checkout.differing(base, top):
            path = os.path.realpath(os.path.join(checkout.root, file))
            if path not in self.written or path in self.mixed:
                raise Immovable(f"{file} was not written by the answer alone")
            before, after = self.written[path]
            is_new = before is None and not checkout.has(base, file)
            if not is_new and not checkout.holds(base, file, before or b""):
                raise Immovable(f"{file} had uncommitted changes before the answer")
            if after is None or not checkout.holds(top, file, after):
                raise Immovable(f"{file} was changed before it was committed")


class LastMessage:
    """Remembers the last message that was asked of a model, with `found`."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._depth = 0
        self._inside = False
        self._open: Message | None = None
        self._coder: Any = None
        self.found: Message | None = None
        """None where nothing was asked yet."""

    def install(self) -> None:
        """Wrap the methods named in `NEEDS`."""
        coder = importlib.import_module(CODER).Coder
        wrap(coder, "run_one", self._run_one)
        wrap(coder, "send_message", self._send_message)
        commands = importlib.import_module("aider.commands").Commands
        wrap(commands, "_generic_chat_command", self._generic_chat_command)
        wrap(importlib.import_module("aider.io").InputOutput, "write_text", self._write_text)
        wrap(importlib.import_module("aider.utils"), "touch_file", self._touch_file)
        wrap(importlib.import_module("aider.repo").GitRepo, "commit", self._commit)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What a command sends in here is the user's message, as with `/ask`."""
        before, self._inside = self._inside, True
        try:
            yield
        finally:
            self._inside = before

    def finish(self) -> Message | None:
        """The message under way has its answer; None where nothing was sent."""
        message, coder = self._open, self._coder
        self._open = self._coder = None
        if message is not None:
            message.after = Chat.of(coder)
            message.turn, message.request = self._turns.number, self._turns.request
            self.found = message
        return message

    def _run_one(self, original: Function) -> Function:
        def run_one(coder: Any, *args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            try:
                return original(coder, *args, **kwargs)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.finish()

        return run_one

    def _send_message(self, original: Function) -> Function:
        def send_message(coder: Any, inp: Any) -> Any:
            # A coder below that, such as an architect's editor, works on the same message.
            if self._open is None and (self._inside or self._depth == 1):
                usual = coder.edit_format == coder.main_model.edit_format
                branch = Checkout(coder.repo).branch if coder.repo else ""
                form = None if usual else coder.edit_format
                self._open = Message(inp, form, Chat.of(coder), branch)
                self._coder = coder
            return original(coder, inp)

        return send_message

    def _generic_chat_command(self, original: Function) -> Function:
        def chat_command(commands: Any, *args: Any, **kwargs: Any) -> Any:
            with self.inside():
                return original(commands, *args, **kwargs)

        return chat_command

    def _write_text(self, original: Function) -> Function:
        def write_text(io: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
            message = self._open
            if message is None:
                return original(io, filename, *args, **kwargs)
            path = os.path.realpath(str(filename))
            found = content(path)
            before, after = message.written.get(path, (found, found))
            # Where Aider commits what it finds, that is a commit of its own.
            if found != after and not self._coder.dirty_commits:
                message.mixed.add(path)
            message.written[path] = (before, None)
            done = original(io, filename, *args, **kwargs)
            message.written[path] = (before, content(path))
            return done

        return write_text

    def _touch_file(self, original: Function) -> Function:
        """Aider makes a new file empty before it writes to it: that one was not there."""

        def touch_file(fname: Any) -> Any:
            message, path = self._open, os.path.realpath(str(fname))
            is_new = message is not None and not os.path.lexists(path)
            done = original(fname)
            if done and is_new and message is not None:
                message.written.setdefault(path, (None, content(path)))
            return done

        return touch_file

    def _commit(self, original: Function) -> Function:
        def commit(repo: Any, *args: Any, **kwargs: Any) -> Any:
            done = original(repo, *args, **kwargs)
            if done and self._open is not None and kwargs.get("aider_edits"):
                self._open.commits.append(str(repo.get_head_commit_sha()))
            return done

        return commit


def content(path: str) -> bytes | None:
    """What the file holds, None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
