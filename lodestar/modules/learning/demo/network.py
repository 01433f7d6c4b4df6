"""The demo model's network: a llama in plain torch that shows where its heads look.

It computes what transformers' LlamaForCausalLM computes, with the same parameter names, but hands
out the attention of each layer, which `guides` wants, and takes half the time.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lodestar.modules.learning.demo.shape import Shape

_EPSILON = 1e-5
_HIDDEN_SCORE = -1e9


class Attention(nn.Module):
    """Causal attention under RoPE, every head with keys of its own."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        wide = shape.heads * shape.head_size
        self.q_proj = nn.Linear(shape.hidden, wide)
        self.k_proj = nn.Linear(shape.hidden, wide)
        self.v_proj = nn.Linear(shape.hidden, wide)
        self.o_proj = nn.Linear(wide, shape.hidden)

    def forward(self, hidden: Any, turns: Any, mask: Any) -> tuple[Any, Any]:
        """(output (B, T, hidden), attention (B, heads, T, T))."""
        query = _turn(self._split(self.q_proj(hidden)), turns)
        key = _turn(self._split(self.k_proj(hidden)), turns)
        scores = query @ key.transpose(-1, -2) * self.shape.head_size**-0.5
        looks = torch.softmax(scores + mask, dim=-1)
        mixed = (looks @ self._split(self.v_proj(hidden))).transpose(1, 2).flatten(2)
        return self.o_proj(mixed), looks

    def _split(self, values: Any) -> Any:
        return values.unflatten(-1, (self.shape.heads, self.shape.head_size)).transpose(1, 2)


class Gated(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.feed_forward, bias=False)
        self.down_proj = nn.Linear(shape.feed_forward, shape.hidden, bias=False)

    def forward(self, hidden: Any) -> Any:
        """The same shape as the input."""
        return self.down_proj(F.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


class Layer(nn.Module):
    """Attention and a feed-forward part, each behind a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, _EPSILON)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, _EPSILON)
        self.mlp = Gated(shape)

    def forward(self, hidden: Any, turns: Any, mask: Any) -> tuple[Any, Any]:
        """(output, attention)."""
        seen, looks = self.self_attn(self.input_layernorm(hidden), turns, mask)
        hidden = hidden + seen
        return hidden + self.mlp(self.post_attention_layernorm(hidden)), looks


class Body(nn.Module):
    """Embeddings, layers and the last norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, _EPSILON)


class Network(nn.Module):
    """The whole model; its output matrix is its embedding matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        self.register_buffer("turns", _angles(shape), persistent=False)

    def forward(self, ids: Any) -> tuple[Any, list[Any]]:
        """(last hidden states (B, T, hidden), one attention (B, heads, T, T) a layer)."""
        width = ids.shape[1]
        mask = torch.full((width, width), _HIDDEN_SCORE).triu(1)
        turns = self.turns[:, :width]
        hidden, looks = self.model.embed_tokens(ids), []
        for layer in self.model.layers:
            hidden, seen = layer(hidden, turns, mask)
            looks.append(seen)
        return self.model.norm(hidden), looks

    def logits(self, hidden: Any) -> Any:
        """Scores of the next token."""
        return hidden @ self.model.embed_tokens.weight.T


def _angles(shape: Shape) -> Any:
    """(2, context, head size): cosines and sines."""
    half = shape.head_size // 2
    speed = shape.rope_theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(shape.context, dtype=torch.float64)[:, None] * speed
    both = torch.cat((angle, angle), dim=-1)
    return torch.stack((both.cos(), both.sin())).float()


def _turn(values: Any, turns: Any) -> Any:
    first, second = values.chunk(2, dim=-1)
    return values * turns[0] + torch.cat((-second, first), dim=-1) * turns[1]
