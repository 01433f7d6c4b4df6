"""Messages to prompt text by the template that a model's file carries.

The prompt is tokenised as a whole, special tokens included, as llama.cpp's own server does.
So the name of a special token inside a message is read as that token. Here that can only
confuse the user's own model with the user's own text; nobody's rights hang on the roles.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from jinja2 import TemplateError
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from lodestar_engine.errors import ApiError

Message = dict[str, str]
RENDER_S = 3.0
"""CPU seconds that a template may take; a usual one takes a millisecond."""
# What llama.cpp assumes where a file carries none.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class ChatTemplate:
    """A parsed chat template."""

    def __init__(self, template: str | None, bos: str, eos: str) -> None:
        """Raises ApiError (400) where the template is not valid Jinja."""
        try:
            self._format = Jinja2ChatFormatter(template or CHATML, eos_token=eos, bos_token=bos)
        except TemplateError as error:
            raise ApiError(f"The model's chat template is broken: {error}.") from error

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, ready for the assistant's answer. Raises ApiError (400)."""
        try:
            return self._render(messages)
        except ApiError:
            return self._render(alternating(messages))

    def _render(self, messages: Sequence[Message]) -> str:
        # Templates come with the file and may fail in any way: what they raise is a refusal.
        try:
            with _limited():
                return str(self._format(messages=list(messages)).prompt)
        except Exception as error:
            message = f"The model's chat template refuses these messages: {error}."
            raise ApiError(message) from error


@contextmanager
def _limited() -> Iterator[None]:
    """Templates are programs, and some of them may never end: this thread looks at its clock."""
    deadline = time.thread_time() + RENDER_S

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        if time.thread_time() > deadline:
            raise TemplateError("it does not come to an end")
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def alternating(messages: Sequence[Message]) -> list[Message]:
    """The same text with user and assistant taking turns, for templates that insist on it."""
    turns: list[Message] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += "\n\n" + message["content"]
        else:
            turns.append({"role": role, "content": message["content"]})
    return turns
