"""llama.cpp's C interface as three small classes: a model, a context and a sampler.

The calls are those of the public header. The package's own `Llama` class keeps exactly one
context per loaded base, which rules out several KV caches over one copy of the weights.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as c

from lodestar_engine.errors import NativeError

BATCH = 512
KV_VALUE_BYTES = 2
PIECE_BYTES = 64
ABORTED = 2
SEQUENCE = 0
TOP_K = 40
MIN_P = 0.05
RANDOM_SEED = 0xFFFFFFFF


@dataclass(frozen=True)
class Sampling:
    """How the next token is picked; temperature 0 is greedy, seed None a random one."""

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int | None = None


class StoppedError(Exception):
    """The caller asked to stop in the middle of a batch."""


def versions() -> dict[str, str]:
    """What this build of llama.cpp is."""
    return {
        "llama_cpp_python": llama_cpp.__version__,
        "llama_cpp": c.llama_version().decode(),
        "system": c.llama_print_system_info().decode().strip(),
        "gpu": "yes" if c.llama_supports_gpu_offload() else "no",
    }


class Model:
    """The weights and vocabulary of one GGUF file, and the adapters loaded onto them."""

    def __init__(self, path: Path, gpu_layers: int | None = None) -> None:
        """Raises NativeError where llama.cpp cannot load the file."""
        params = c.llama_model_default_params()
        if gpu_layers is not None:
            params.n_gpu_layers = gpu_layers
        self.handle: Any = c.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise NativeError(f"llama.cpp cannot load {path}; the engine's log says why")
        self._vocab = c.llama_model_get_vocab(self.handle)
        self.bos: int = c.llama_vocab_bos(self._vocab)
        self.adds_bos: bool = c.llama_vocab_get_add_bos(self._vocab)

    @property
    def chat_template(self) -> str | None:
        template: bytes | None = c.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", "replace") if template else None

    def kv_bytes(self, context: int) -> int:
        """Roughly what one context of that many tokens costs in memory."""
        heads = max(1, c.llama_model_n_head(self.handle))
        row = c.llama_model_n_embd(self.handle) // heads * c.llama_model_n_head_kv(self.handle)
        return int(2 * KV_VALUE_BYTES * c.llama_model_n_layer(self.handle) * row * context)

    def special_text(self, which: str) -> str:
        """The text of the `bos` or `eos` token, empty where the vocabulary has none."""
        token = c.llama_vocab_bos(self._vocab) if which == "bos" else c.llama_vocab_eos(self._vocab)
        text = c.llama_vocab_get_text(self._vocab, token) if token >= 0 else b""
        return (text or b"").decode("utf-8", "replace")

    def tokenize(self, text: str) -> list[int]:
        """Token ids; the names of special tokens in the text become those tokens."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (c.llama_token * room)()
        count = c.llama_tokenize(self._vocab, data, len(data), tokens, room, False, True)
        if count < 0:
            raise NativeError("llama.cpp cannot tokenise the prompt")
        ids: list[int] = tokens[:count]
        return [self.bos, *ids] if self.adds_bos and ids[:1] != [self.bos] else ids

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; none for control tokens."""
        buffer = ctypes.create_string_buffer(PIECE_BYTES)
        size = c.llama_token_to_piece(self._vocab, token, buffer, PIECE_BYTES, 0, False)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = c.llama_token_to_piece(self._vocab, token, buffer, -size, 0, False)
        return buffer.raw[: max(size, 0)]

    def ends_answer(self, token: int) -> bool:
        return bool(c.llama_vocab_is_eog(self._vocab, token))

    def load_adapter(self, path: Path) -> Any:
        """A LoRA adapter for this base; freed together with the model."""
        adapter = c.llama_adapter_lora_init(self.handle, os.fsencode(path))
        if not adapter:
            raise NativeError(f"llama.cpp cannot use the adapter {path} with this model")
        return adapter

    def close(self) -> None:
        c.llama_model_free(self.handle)


class Context:
    """One KV cache over a model's weights, holding one sequence of tokens."""

    def __init__(
        self, model: Model, size: int, threads: int, should_stop: Callable[[], bool]
    ) -> None:
        """`should_stop` is asked between the operations of a batch, so it must be quick."""
        params = c.llama_context_default_params()
        params.n_ctx = size
        params.n_batch = params.n_ubatch = min(BATCH, size)
        # Only the last token's logits are ever read; without this the buffers hold a
        # vocabulary's worth of floats for each token of a batch.
        params.n_seq_max = params.n_outputs_max = 1
        params.n_threads = params.n_threads_batch = threads
        # Kept on self: llama.cpp holds a bare pointer to it.
        self._stop_callback = c.ggml_abort_callback(lambda _: should_stop())
        params.abort_callback = self._stop_callback
        self._batch = params.n_batch
        self.handle: Any = c.llama_init_from_model(model.handle, params)
        if not self.handle:
            raise NativeError("llama.cpp cannot set up a context; there may be too little memory")
        self._memory = c.llama_get_memory(self.handle)

    @property
    def batch(self) -> int:
        """The most tokens that one call of `decode` takes."""
        return int(self._batch)

    def decode(self, tokens: Sequence[int]) -> None:
        """Append tokens. Raises StoppedError or NativeError; truncate after either."""
        array = (c.llama_token * len(tokens))(*tokens)
        result = c.llama_decode(self.handle, c.llama_batch_get_one(array, len(tokens)))
        if result == ABORTED:
            raise StoppedError
        if result != 0:
            raise NativeError(f"llama.cpp failed to process the prompt (code {result})")

    def truncate(self, length: int) -> bool:
        """Keep the first `length` tokens. False, with an empty cache, where that is impossible."""
        if c.llama_memory_seq_rm(self._memory, SEQUENCE, length, -1):
            return True
        c.llama_memory_clear(self._memory, False)
        return False

    def copy_from(self, source: Context) -> bool:
        """Take over another context's cache. False, with an empty cache, where that failed."""
        size = c.llama_state_seq_get_size(source.handle, SEQUENCE)
        state = (ctypes.c_uint8 * size)()
        c.llama_memory_clear(self._memory, False)
        written = c.llama_state_seq_get_data(source.handle, state, size, SEQUENCE)
        if written and c.llama_state_seq_set_data(self.handle, state, written, SEQUENCE):
            return True
        c.llama_memory_clear(self._memory, False)
        return False

    def set_adapter(self, adapter: Any | None) -> None:
        """Use this adapter, or the bare base, from now on; what is cached is wrong after it."""
        adapters = (c.llama_adapter_lora_p_ctypes * 1)(adapter) if adapter else None
        scales = (ctypes.c_float * 1)(1.0) if adapter else None
        if c.llama_set_adapters_lora(self.handle, adapters, 1 if adapter else 0, scales) != 0:
            raise NativeError("llama.cpp refused the adapter")

    def close(self) -> None:
        c.llama_free(self.handle)


class Sampler:
    """Picks one token after another for one answer."""

    def __init__(self, sampling: Sampling) -> None:
        self._chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        for part in _parts(sampling):
            c.llama_sampler_chain_add(self._chain, part)

    def next(self, context: Context) -> int:
        """The next token, given what `context` decoded last."""
        return int(c.llama_sampler_sample(self._chain, context.handle, -1))

    def close(self) -> None:
        c.llama_sampler_free(self._chain)


def _parts(sampling: Sampling) -> list[Any]:
    if sampling.temperature <= 0:
        return [c.llama_sampler_init_greedy()]
    return [
        c.llama_sampler_init_top_k(TOP_K),
        c.llama_sampler_init_top_p(sampling.top_p, 1),
        c.llama_sampler_init_min_p(MIN_P, 1),
        c.llama_sampler_init_temp(sampling.temperature),
        c.llama_sampler_init_dist(RANDOM_SEED if sampling.seed is None else sampling.seed),
    ]
