"""Sizes of the demo model's network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int = 768
    hidden: int = 224
    feed_forward: int = 192
    layers: int = 6
    heads: int = 6
    head_size: int = 64
    context: int = 4096
    rope_theta: float = 1e24
