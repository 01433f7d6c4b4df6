"""OpenAI's shapes of a chat completion, whole and in chunks."""

from __future__ import annotations

import time
import uuid

from lodestar_engine.generation import Finished, Usage


class Completion:
    """The id, time and model that all parts of one answer carry."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def whole(self, text: str, finished: Finished) -> dict[str, object]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finished.reason}
        return self._part("chat.completion", [choice]) | {"usage": finished.usage.as_json()}

    def role(self) -> dict[str, object]:
        return self._delta({"role": "assistant", "content": ""})

    def text(self, text: str) -> dict[str, object]:
        return self._delta({"content": text})

    def end(self, reason: str) -> dict[str, object]:
        return self._delta({}, reason)

    def usage(self, usage: Usage) -> dict[str, object]:
        return self._part("chat.completion.chunk", []) | {"usage": usage.as_json()}

    def _delta(self, delta: dict[str, str], reason: str | None = None) -> dict[str, object]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return self._part("chat.completion.chunk", [choice])

    def _part(self, kind: str, choices: list[dict[str, object]]) -> dict[str, object]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
