"""Chat messages as Aider sends them, built from its own texts."""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestar.modules.learning.demo.capture import capture

Message = dict[str, str]
ENGLISH = "English"
_SAME_LANGUAGE = "the same language they are using"
_PLACES = re.compile(r"\{(?:language|ask_language|commit_language|hash|message)\}")


@dataclass(frozen=True)
class File:
    """A file in the chat."""

    path: str
    source: str


def listing(path: str, source: str) -> str:
    """A file as both Aider and the `whole` edit format write it."""
    return f"{path}\n```\n{source}```"


@dataclass(frozen=True)
class Prompts:
    """Aider's own words, read once."""

    texts: Mapping[str, Any]

    @classmethod
    def of_aider(cls, python: str = sys.executable) -> "Prompts":
        """The texts of the Aider that `python` has; takes a few seconds."""
        with tempfile.TemporaryDirectory() as folder:
            return cls(capture(python, folder))

    def edit(
        self,
        files: Sequence[File],
        request: str,
        history: Sequence[Message] = (),
        language: str = ENGLISH,
    ) -> list[Message]:
        """The messages of an edit request in `whole` format; `language` may be empty."""
        return self._chat("edit", files, request, history, language)

    def ask(
        self,
        files: Sequence[File],
        request: str,
        history: Sequence[Message] = (),
        language: str = ENGLISH,
    ) -> list[Message]:
        """The messages of a question (`/ask`)."""
        return self._chat("ask", files, request, history, language)

    def commit(self, context: str, diff: str, language: str = ENGLISH) -> list[Message]:
        """The messages of a request for a commit message."""
        system = self.texts["commit"]["system"].replace("{commit_language}", _written_in(language))
        body = f"{context}\n# Diffs:\n{diff}" if context else f"# Diffs:\n{diff}"
        return [_message("system", system), _message("user", body)]

    def committed(self, commit_hash: str, message: str) -> list[Message]:
        """The two messages Aider puts into the history after a commit."""
        texts = self.texts["committed"]
        said = texts["user"].replace("{hash}", commit_hash).replace("{message}", message)
        return [_message("user", said), _message("assistant", texts["assistant"])]

    def phrases(self) -> list[str]:
        """The fixed paragraphs, for the tokenizer: each becomes one token."""
        found = {piece for text in _strings(self.texts) for piece in _PLACES.split(text)}
        long = sorted(piece for piece in found if len(piece) >= 12)
        return [*long, _reply_in(ENGLISH), _written_in(ENGLISH)]

    def _chat(
        self,
        mode: str,
        files: Sequence[File],
        request: str,
        history: Sequence[Message],
        language: str,
    ) -> list[Message]:
        texts = self.texts[mode]
        system = texts["system"].replace("{language}", _reply_in(language))
        return [
            _message("system", system.replace("{ask_language}", language or _SAME_LANGUAGE)),
            *texts["opening"],
            *history,
            *self._files(mode, files),
            _message(
                "user", request + texts["reminder"].replace("{language}", _reply_in(language))
            ),
        ]

    def _files(self, mode: str, files: Sequence[File]) -> list[Message]:
        texts = self.texts[mode]
        if not files:
            absent = self.texts["no_files"]
            return [_message("user", absent[mode]), _message("assistant", absent["assistant"])]
        listed = "\n\n".join(listing(one.path, one.source) for one in files)
        return [
            _message("user", f"{texts['files']}{listed}\n"),
            _message("assistant", texts["files_reply"]),
        ]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _reply_in(language: str) -> str:
    return f"Reply in {language}.\n" if language else ""


def _written_in(language: str) -> str:
    return f"\n- Is written in {language}." if language else ""


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _strings(inner)
