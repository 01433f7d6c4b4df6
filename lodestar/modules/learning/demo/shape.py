"""Sizes of the demo model's network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int = 1536
    hidden: int = 128
    feed_forward: int = 256
    layers: int = 5
    heads: int = 6
    key_value_heads: int = 3
    head_size: int = 32
    context: int = 4096
    rope_theta: float = 1e7
