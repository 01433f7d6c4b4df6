"""What a program with the openai package does; prints what it saw as JSON.

Address and key are in the environment, as `lodestar shim env` puts them there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import httpx
import openai

ASK = [{"role": "user", "content": "say hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        },
    },
}
requests: list[str] = []
transport = httpx.Client(event_hooks={"request": [lambda request: requests.append(request.method)]})
client = openai.OpenAI(http_client=transport)


def answer() -> dict[str, Any]:
    """A whole answer."""
    said = client.chat.completions.create(model="free", messages=ASK)
    usage = [said.usage.prompt_tokens, said.usage.completion_tokens]
    return {"text": said.choices[0].message.content, "usage": usage}


def stream() -> dict[str, Any]:
    """A stream, with usage at its end."""
    text, usage, pieces = "", None, 0
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(
        model="free", messages=ASK, stream=True, stream_options=options
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            pieces += 1
        usage = chunk.usage or usage
    return {
        "text": text,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
        "pieces": pieces,
    }


def tool() -> dict[str, Any]:
    """The model calls a function."""
    said = client.chat.completions.create(model="free", messages=ASK, tools=[TOOL])
    call = said.choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments)}


def tool_stream() -> dict[str, Any]:
    """The same, in pieces."""
    name, arguments = "", ""
    for chunk in client.chat.completions.create(
        model="free", messages=ASK, tools=[TOOL], stream=True
    ):
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    return {"name": name, "arguments": json.loads(arguments)}


def models() -> list[str]:
    """What can be named."""
    return sorted(model.id for model in client.models.list())


def _failure(act: Callable[[], object]) -> dict[str, Any]:
    before = len(requests)
    try:
        act()
    except openai.APIStatusError as error:
        return {
            "error": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "message": error.message,
            "requests": len(requests) - before,
        }
    raise AssertionError("it was answered")


def wrong_token() -> dict[str, Any]:
    """Somebody else's key."""
    stranger = client.with_options(api_key="sk-of-somebody-else")
    return _failure(lambda: stranger.chat.completions.create(model="free", messages=ASK))


def unknown_model() -> dict[str, Any]:
    """A name that is not in the catalogue."""
    return _failure(lambda: client.chat.completions.create(model="freee", messages=ASK))


def refused() -> dict[str, Any]:
    """A paid model, without money."""
    return _failure(lambda: client.chat.completions.create(model="paid", messages=ASK))


def refused_stream() -> dict[str, Any]:
    """The same, asked for as a stream."""
    return _failure(lambda: client.chat.completions.create(model="paid", messages=ASK, stream=True))


if __name__ == "__main__":
    print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}))
