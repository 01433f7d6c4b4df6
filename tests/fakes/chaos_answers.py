"""What the chaos provider answers, by mode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.faulty import JSON, SSE, event, head

DONE = b"data: [DONE]\n\n"
TOKEN = "word"
"""Each billed token is four bytes of text, so that none is hidden but in mode `hidden`."""
MODES = {
    "good": "a whole answer, its usage at the end",
    "slow": "as good, a third of a second between the pieces",
    "dupusage": "two reports of usage; the last one is right",
    "hidden": "reasoning that is in the total only, and not in the text",
    "nousage": "a whole answer without usage",
    "strusage": "usage in words",
    "negusage": "usage below zero",
    "hugeusage": "usage beyond all measure",
    "zerousage": "usage of nothing",
    "overrun": "ten times the cap that was sent, the last tenth after a pause",
    "cut": "half an answer, then a clean end of the connection",
    "rst": "half an answer, then a reset",
    "halfclose": "half an answer, then a connection closed on one side",
    "stall": "half an answer, then silence",
    "cl_short": "a Content-Length that is too short",
    "html": "a web page, status 200",
    "500": "HTTP 500 after the work was done",
    "503": "HTTP 503 after the work was done",
    "408": "HTTP 408 after the work was done",
    "400": "HTTP 400, not billed",
    "401": "HTTP 401, not billed",
    "404": "HTTP 404, not billed",
    "429": "HTTP 429, not billed",
}


@dataclass(frozen=True)
class Bill:
    """What one request costs; `shown` tokens of the output are in the text."""

    id: str
    mode: str
    input: int
    output: int
    shown: int

    @property
    def usage(self) -> dict[str, Any]:
        """The honest report."""
        counts = {"prompt_tokens": self.input, "completion_tokens": self.shown}
        hidden = self.output - self.shown
        details = {"completion_tokens_details": {"reasoning_tokens": hidden}} if hidden else {}
        return {**counts, "total_tokens": self.input + self.output, **details}


def usages(bill: Bill) -> list[Any]:
    """The reports of usage, in order."""
    huge = 10**15
    text = {"prompt_tokens": "many", "completion_tokens": "7", "total_tokens": "all"}
    odd: dict[str, list[Any]] = {
        "nousage": [],
        "strusage": [text],
        "negusage": [{"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12}],
        "hugeusage": [{"prompt_tokens": huge, "completion_tokens": huge, "total_tokens": 2 * huge}],
        "zerousage": [{"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}],
        "dupusage": [{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}, bill.usage],
    }
    return odd.get(bill.mode, [bill.usage])


def _failure(bill: Bill) -> list[bytes]:
    """The answers that are none, in one piece."""
    if bill.mode == "html":
        return [head("text/html") + b"<html>sign in</html>"]
    if bill.mode.isdigit():
        error = json.dumps({"error": {"message": "it did not work", "type": "chaos"}}).encode()
        size = f"Content-Length: {len(error)}"
        return [head("application/json", size, status=f"{bill.mode} No") + error]
    return []


def stream(bill: Bill) -> list[bytes]:
    """The answer as events, head included."""
    if failed := _failure(bill):
        return failed
    # One event a token where it runs over: what is to be seen is that it goes on and on.
    size = 1 if bill.mode == "overrun" else max(1, bill.shown // 8)
    words = [min(size, bill.shown - start) for start in range(0, bill.shown, size)]
    pieces = [event({"content": TOKEN * count}) for count in words]
    if bill.mode in ("cut", "rst", "halfclose", "stall"):
        return [SSE, *pieces[: max(1, len(pieces) // 2)]]
    ends = [event({}, "stop"), *(_report(usage) for usage in usages(bill)), DONE]
    if bill.mode == "cl_short":
        size = sum(map(len, pieces))
        return [head("text/event-stream", f"Content-Length: {size // 2}"), *pieces, *ends]
    return [SSE, *pieces, *ends]


def _report(usage: dict[str, Any]) -> bytes:
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**data, "choices": [], "usage": usage}).encode() + b"\n\n"


def whole(bill: Bill) -> list[bytes]:
    """The answer in one piece."""
    if failed := _failure(bill):
        return failed
    message = {"role": "assistant", "content": TOKEN * bill.shown}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    reports = usages(bill)
    usage = {"usage": reports[-1]} if reports else {}
    body = json.dumps({**answer, "choices": [choice], **usage}).encode()
    if bill.mode in ("cut", "rst", "halfclose", "stall"):
        size = f"Content-Length: {len(body)}"
        return [head("application/json", size), body[: len(body) // 2]]
    if bill.mode == "cl_short":
        return [head("application/json", f"Content-Length: {len(body) // 2}"), body]
    return [JSON, body]
