"""A request of the shim, made into what litellm may be told: named fields, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lodestar_translator.errors import unusable

# What a client may set. Everything else could name another server, key, model or callback.
TRANSLATED = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "n", "stop", "max_tokens", "max_completion_tokens",
     "presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "user",
     "response_format", "seed", "tools", "tool_choice", "parallel_tool_calls", "functions",
     "function_call", "logprobs", "top_logprobs", "reasoning_effort", "reasoning",
     "include_reasoning", "thinking", "verbosity"}
)  # fmt: skip
# For the provider's own books; the answer is the same without.
LABELS = frozenset({"metadata", "safety_identifier", "prompt_cache_key", "store", "stream_options"})
# A provider that lacks one of these does by itself what these values say.
_PLAIN: dict[str, Any] = {
    "n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False, "logit_bias": {},
}  # fmt: skip
_DROPPED_IF_UNKNOWN = frozenset({"seed", "user", "parallel_tool_calls"})
_IMAGES = ("data:image/", "https://")


@dataclass(frozen=True)
class Asked:
    """One request. `key` is for the provider at `api_base`, and shown nowhere."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool
    fields: Mapping[str, Any]
    key: str | None = field(default=None, repr=False)
    api_base: str | None = None

    def without(self, supported: set[str]) -> dict[str, Any]:
        """The fields without those that a provider lacks and nobody would miss."""
        return {
            name: value
            for name, value in self.fields.items()
            if name in supported or name not in _DROPPED_IF_UNKNOWN
        }

    def clean(self, text: str) -> str:
        """Text without the key, which a provider may have quoted."""
        return text.replace(self.key, "[key]") if self.key else text


def parse(body: Any, key: str | None, api_base: str | None) -> Asked:
    """Raises ApiError (400) naming the field that cannot be translated."""
    if not isinstance(body, dict):
        raise unusable("the body must be a JSON object")
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or "/" not in model:
        raise unusable("the model must be named as litellm does: provider/model")
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        raise unusable("messages must be a list of objects")
    for part in _parts(messages):
        _check(part)
    rest = {n: v for n, v in body.items() if n not in ("model", "messages", "stream")}
    fields = {n: v for n, v in rest.items() if v is not None and n not in LABELS}
    fields = {n: v for n, v in fields.items() if n not in _PLAIN or v != _PLAIN[n]}
    for name in fields:
        if name not in TRANSLATED:
            raise unusable(f"the field `{name}` cannot be translated for another provider")
    return Asked(model, messages, body.get("stream") is True, fields, key, _base(model, api_base))


def _base(model: str, api_base: str | None) -> str | None:
    if api_base is None:
        return None
    base = api_base.rstrip("/")
    # litellm adds /v1/messages itself.
    return base.removesuffix("/v1") if model.startswith("anthropic/") else base


def _parts(messages: list[dict[str, Any]]) -> Iterator[Any]:
    for message in messages:
        content = message.get("content")
        yield from content if isinstance(content, list) else ()


def _check(part: Any) -> None:
    """Nothing in a message may make this process fetch or read something."""
    if not isinstance(part, dict):
        raise unusable("a part of a message must be an object")
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if image is not None and not (isinstance(url, str) and url.startswith(_IMAGES)):
        raise unusable("an image must be in the message (data:image/...) or at an https:// address")
    if part.get("type") in ("file", "document", "container_upload"):
        raise unusable("files are not translated; put their text into the message")
