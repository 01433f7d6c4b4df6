"""A model that edits as it is told, and names each commit by one line."""

from __future__ import annotations

from typing import Any

from tests.fakes.upstream import Recorded, Upstream

COMMIT = "feat: greet"


class Model(Upstream):
    """Streams `text`; what is asked without a stream is a commit message."""

    def _completion(self, behaviour: str) -> dict[str, Any]:
        answer = super()._completion(behaviour)
        answer["choices"][0]["message"]["content"] = COMMIT
        return answer

    @property
    def asked(self) -> list[str]:
        """The user's own words in each request that was streamed: its last message."""
        return [_words(chat) for chat in self.chats if chat.body.get("stream")]

    def sent(self) -> str:
        """Every request as text: which model, all messages, and every other field."""
        return "\n".join(_whole(chat) for chat in self.chats)


def _words(chat: Recorded) -> str:
    return str(chat.body["messages"][-1]["content"])


def _whole(chat: Recorded) -> str:
    rest = {name: value for name, value in sorted(chat.body.items()) if name != "messages"}
    lines = [f"{m['role']}: {m['content']}" for m in chat.body["messages"]]
    return "\n".join([f"request {rest}", *lines])
