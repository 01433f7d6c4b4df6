"""litellm's answers as the shim passes them on, with the provider's own usage."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from lodestar_translator.wire import Call

Part = dict[str, Any]
# Said twice: what is in them is in the answer, too.
_DOUBLE = ("provider_specific_fields",)


def whole(response: Any, call: Call) -> Part:
    """A chat completion; without usage where the provider reported none."""
    answer: Part = response.model_dump(exclude_none=True)
    choices = [
        {**_single(choice), "message": _single(choice["message"])}
        for choice in answer.get("choices", ())
    ]
    envelope = {"id": answer.get("id"), "object": "chat.completion"}
    rest = {"created": answer.get("created"), "model": answer.get("model"), "choices": choices}
    usage = call.meter.usage
    return {**envelope, **rest, **({"usage": usage} if usage else {})}


async def parts(stream: Any, call: Call, choices: int) -> AsyncGenerator[Part, None]:
    """The chunks of a stream, the last one with the usage.

    Ends without a finish_reason where the provider gave none: half an answer stays one.
    """
    last: Part | None = None
    ends = 0
    async for chunk in stream:
        last = _part(chunk)
        for choice in last["choices"]:
            if choice["finish_reason"] is None:
                continue
            if not (stream.received_finish_reason or stream.intermittent_finish_reason):
                # litellm makes one up where a stream just stops.
                choice["finish_reason"] = None
            else:
                ends += 1
        if any(choice["delta"] or choice["finish_reason"] for choice in last["choices"]):
            yield last
        if ends >= choices:
            # What litellm does from here on is to count by itself.
            await _drain(stream)
            break
    usage = call.meter.usage if ends else None
    if last and usage:
        yield {**last, "choices": [], "usage": usage}


async def _drain(stream: Any) -> None:
    """To the end of the provider's bytes: the usage may be behind the finish_reason."""
    source = stream.completion_stream
    if hasattr(source, "__aiter__"):
        async for _ in source:
            continue


def _part(chunk: Any) -> Part:
    choices = [
        {
            "index": choice.index,
            "delta": _single(choice.delta.model_dump(exclude_none=True)),
            "finish_reason": choice.finish_reason,
        }
        for choice in chunk.choices
    ]
    kind = "chat.completion.chunk"
    ids = {"id": chunk.id, "object": kind, "created": chunk.created, "model": chunk.model}
    return {**ids, "choices": choices}


def _single(message: Part) -> Part:
    return {name: value for name, value in message.items() if name not in _DOUBLE}
