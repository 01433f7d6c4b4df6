"""What a program with the litellm package does (Aider is one); prints what it saw as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import httpx
import litellm

ASK = [{"role": "user", "content": "say hello"}]
PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": PARAMETERS}}
requests: list[str] = []
litellm.client_session = httpx.Client(
    event_hooks={"request": [lambda request: requests.append(request.method)]}
)
litellm.suppress_debug_info = True


def answer() -> dict[str, Any]:
    """A whole answer."""
    said = litellm.completion(model="openai/free", messages=ASK)
    usage = [said.usage.prompt_tokens, said.usage.completion_tokens]
    return {"text": said.choices[0].message.content, "usage": usage}


def stream() -> dict[str, Any]:
    """A stream, with usage at its end."""
    text, usage, pieces = "", None, 0
    options = {"include_usage": True}
    for chunk in litellm.completion(
        model="openai/free", messages=ASK, stream=True, stream_options=options
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            pieces += 1
        usage = getattr(chunk, "usage", None) or usage
    return {
        "text": text,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
        "pieces": pieces,
    }


def tool() -> dict[str, Any]:
    """The model calls a function."""
    said = litellm.completion(model="openai/free", messages=ASK, tools=[TOOL])
    call = said.choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments)}


def tool_stream() -> dict[str, Any]:
    """The same, in pieces."""
    chunks = list(litellm.completion(model="openai/free", messages=ASK, tools=[TOOL], stream=True))
    call = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments)}


def models() -> list[str]:
    """What can be named."""
    base = os.environ["OPENAI_API_BASE"]
    return sorted(
        litellm.get_valid_models(
            check_provider_endpoint=True, custom_llm_provider="openai", api_base=base
        )
    )


def _failure(act: Callable[[], object]) -> dict[str, Any]:
    before = len(requests)
    try:
        act()
    except litellm.exceptions.APIError as error:
        raise AssertionError(f"this class is retried by Aider: {error}") from error
    except Exception as error:
        return {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": getattr(error, "code", None),
            "message": str(error),
            "requests": len(requests) - before,
        }
    raise AssertionError("it was answered")


def wrong_token() -> dict[str, Any]:
    """Somebody else's key."""
    key = "sk-of-somebody-else"
    return _failure(lambda: litellm.completion(model="openai/free", messages=ASK, api_key=key))


def unknown_model() -> dict[str, Any]:
    """A name that is not in the catalogue."""
    return _failure(lambda: litellm.completion(model="openai/freee", messages=ASK))


def refused() -> dict[str, Any]:
    """A paid model, without money."""
    return _failure(lambda: litellm.completion(model="openai/paid", messages=ASK))


def refused_stream() -> dict[str, Any]:
    """The same, asked for as a stream."""
    return _failure(lambda: litellm.completion(model="openai/paid", messages=ASK, stream=True))


if __name__ == "__main__":
    print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}))
