"""litellm, imported and tamed: the only file of Lodestar that imports it."""

from __future__ import annotations

import gc
import logging
import os
import ssl
import sys
import threading
import warnings
from typing import Any

import httpx

from lodestar_translator import rehearsal
from lodestar_translator.asked import Asked
from lodestar_translator.wire import CURRENT, Call, Closed, Tap

KEEPALIVE_S = 30.0
# Read by litellm while it is imported. No price map over the network, no .env of the folder it
# was started in, no picture fetched from an address in a prompt.
ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "CRITICAL",
    "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "0",
    "HF_HUB_OFFLINE": "1",
    "REPEATED_STREAMING_CHUNK_LIMIT": str(10**9),
}


class Library:
    """litellm's one function that we use, with its ways out of this process replaced by ours."""

    def __init__(self) -> None:
        """Takes seconds: call it in a thread. Raises ImportError where litellm is another one."""
        os.environ.update(ENVIRONMENT)
        # It has warnings that quote what users wrote.
        warnings.simplefilter("ignore")
        gc.disable()
        try:
            import litellm
            import litellm.exceptions
        finally:
            gc.enable()
        gc.freeze()
        _quiet()
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.disable_hf_tokenizer_download = True
        litellm.drop_params = False
        litellm.num_retries = 0
        _close_other_ways(Tap(_transport()))
        sys.addaudithook(_no_connection_of_a_thread)
        self._litellm = litellm
        self._kinds = litellm.exceptions

    async def warm(self) -> None:
        """Have everything loaded that the first request needs; nothing is sent."""
        for stream in (False, True):
            token = CURRENT.set(Call(rehearsal=rehearsal.answer(stream)))
            try:
                answer = await self.complete(rehearsal.asked(stream))
                if stream:
                    async for _ in answer:
                        continue
            finally:
                CURRENT.reset(token)

    async def complete(self, asked: Asked) -> Any:
        """litellm's answer, or its stream of parts. Raises whatever litellm raises."""
        provider = asked.model.partition("/")[0]
        known = self._litellm.get_supported_openai_params(asked.model, provider) or ()
        return await self._litellm.acompletion(
            model=asked.model,
            messages=asked.messages,
            stream=asked.stream,
            api_key=asked.key,
            api_base=asked.api_base,
            num_retries=0,
            max_retries=0,
            caching=False,
            **asked.without(set(known)),
        )

    def is_too_long(self, error: BaseException) -> bool:
        """Whether a provider turned the prompt away for its length."""
        return isinstance(error, self._kinds.ContextWindowExceededError)

    def is_unsupported(self, error: BaseException) -> bool:
        """Whether litellm itself turned the request away, before anything was sent."""
        kinds = self._kinds
        return isinstance(
            error, (kinds.UnsupportedParamsError, kinds.BadRequestError, kinds.AuthenticationError)
        )


def _transport() -> httpx.AsyncHTTPTransport:
    limits = httpx.Limits(max_connections=128, keepalive_expiry=KEEPALIVE_S)
    context = ssl.create_default_context()
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits, retries=0)


def _close_other_ways(tap: Tap) -> None:
    """Every client that litellm makes sends through the tap, or not at all."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

    for kind, name in ((AsyncHTTPHandler, "_create_async_transport"),
                       (HTTPHandler, "_create_sync_transport")):  # fmt: skip
        if not callable(getattr(kind, name, None)):
            raise ImportError(f"litellm has no {kind.__name__}.{name}")
    # Typed for its own transports alone.
    setattr(AsyncHTTPHandler, "_create_async_transport", staticmethod(lambda **_: tap))  # noqa: B010
    setattr(HTTPHandler, "_create_sync_transport", lambda *_: Closed())  # noqa: B010


def _no_connection_of_a_thread(event: str, _: tuple[Any, ...]) -> None:
    """The event loop connects for the tap. Whoever connects from a thread goes past it."""
    if event == "socket.connect" and threading.current_thread() is not threading.main_thread():
        raise ConnectionRefusedError("only the translator's own requests leave it")


def _quiet() -> None:
    """Not a line of litellm's, nor of what it uses: they quote prompts, and headers."""
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "httpcore", "openai"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
