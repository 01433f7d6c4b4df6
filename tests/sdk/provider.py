"""A fake provider that calls a tool when it is offered one and has not been told the result."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.fakes.upstream import Upstream

ARGUMENTS = {"a": 2, "b": 3}


class ToolProvider(Upstream):
    """As the fake upstream, with tools."""

    async def _answer(self, request: web.Request, body: Any, behaviour: str) -> web.StreamResponse:
        told = any(message["role"] == "tool" for message in body.get("messages", ()))
        if not body.get("tools") or told:
            return await super()._answer(request, body, behaviour)
        name = body["tools"][0]["function"]["name"]
        call = {"index": 0, "id": "call_1", "type": "function"}
        text = json.dumps(ARGUMENTS)
        if not body.get("stream"):
            function = {"name": name, "arguments": text}
            message = {"role": "assistant", "content": None}
            message["tool_calls"] = [{**call, "function": function}]
            return web.json_response(_with("chat.completion", message=message))
        return await _stream(request, call, name, text)


async def _stream(
    request: web.Request, call: dict[str, Any], name: str, text: str
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    pieces = [
        {**call, "function": {"name": name, "arguments": ""}},
        *({"index": 0, "function": {"arguments": piece}} for piece in (text[:4], text[4:])),
    ]
    for piece in pieces:
        delta = {"role": "assistant", "content": None, "tool_calls": [piece]}
        await _send(response, _with("chat.completion.chunk", None, delta=delta))
    await _send(response, _with("chat.completion.chunk", delta={}))
    await response.write(b"data: [DONE]\n\n")
    return response


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


def _with(kind: str, finish: str | None = "tool_calls", **said: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, **said}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    last = {"usage": usage} if finish else {}
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "m", "choices": [choice],
            **last}  # fmt: skip
