"""From the bytes of a request to a Request: parsed once, its kind recognised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from lodestar.clock import now_ms
from lodestar.exchange import SHORT, Kind, Request
from lodestar.ids import new_id
from lodestar_shim.errors import ShimError

# Fields by which other gateways let a client choose host, key or price class.
FORBIDDEN = frozenset(
    {"api_base", "api_key", "base_url", "model_list", "extra_headers", "user_config",
     "custom_llm_provider", "organization", "service_tier", "background", "store"}
)  # fmt: skip
_FINGERPRINTS: Sequence[tuple[str, Kind]] = (
    ("You are an expert software engineer that generates concise", "commit_message"),
    ("*Briefly* summarize this partial conversation", "summary"),
    ("Act as an expert architect engineer", "architect"),
    ("Act as an expert software developer who edits source code", "editor"),
    ("Act as an expert code analyst", "ask"),
    ("You are an expert on the AI coding tool called Aider", "ask"),
    ("Act as an expert software developer", "edit"),
)
_REFLECTIONS = (
    "# Fix any errors below, if possible.",
    "I ran this command:\n\n",
    "UnifiedDiffNoMatch",
    "UnifiedDiffNotUnique",
)


def parse(raw: bytes, headers: Mapping[str, str], session: str | None) -> Request:
    """Read a chat request. Raises ShimError where it is not one."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ShimError("the body is not JSON", "invalid_json") from error
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise ShimError("`model` is missing", "invalid_request")
    messages = body.get("messages")
    if not _are_messages(messages):
        raise ShimError("`messages` must be a list of messages with a role", "invalid_request")
    if body.get("n", 1) != 1:
        raise ShimError("`n` above 1 is not served: it multiplies the cost", "invalid_request")
    turn = headers.get("X-Lodestar-Turn", "")
    kind = _kind(headers.get("X-Lodestar-Kind"), cast("list[dict[str, Any]]", messages))
    return Request(
        id=new_id(),
        session=session,
        alias=body["model"],
        kind=kind,
        stream=body.get("stream") is True,
        body={key: value for key, value in body.items() if key not in FORBIDDEN},
        received_ms=now_ms(),
        size=len(raw),
        turn=int(turn) if turn.isdecimal() and len(turn) < 7 else None,
        client_request=(headers.get("X-Lodestar-Request") or "")[:64] or None,
        escalated=headers.get("X-Lodestar-Reason") == "escalate" and kind not in SHORT,
    )


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content)
    return ""


def _part(part: Any) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    return f"[{part.get('type', 'part')}]" if isinstance(part, dict) else "[part]"


def _are_messages(messages: Any) -> bool:
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages)
    )


def _kind(header: str | None, messages: Sequence[Mapping[str, Any]]) -> Kind:
    if header in get_args(Kind):
        return cast("Kind", header)
    system = text_of(messages[0].get("content")) if messages[0]["role"] == "system" else ""
    last = text_of(messages[-1].get("content"))
    for start, kind in _FINGERPRINTS:
        if system.startswith(start):
            return "reflection" if kind == "edit" and _is_reflection(last) else kind
    return "other"


def _is_reflection(last: str) -> bool:
    return last.startswith(_REFLECTIONS) or "SEARCH/REPLACE block" in last[:60]
