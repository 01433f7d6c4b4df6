"""The start of training: what the heads can do before the first step.

The first layer's heads look a fixed distance back. The heads that are to copy say the token they
look at. The heads that are to compare names write what they see into dimensions of their own, all
in the same way, and the heads above hold these against each other. Where each head looks, from the
second layer on, it learns (`guides`).
"""

from dataclasses import dataclass
from typing import Any

from lodestar.modules.learning.demo.guides import HEADS, NOTING, SAYING
from lodestar.modules.learning.demo.shape import Shape

_KEY_STRENGTH = 11.0
_FAST_PAIRS = 5
_EMBEDDING_SCALE = 0.075
_SAID_SCALE = 0.3
_SEEN_SCALE = 0.0075
_NOTED_SCALE = 0.12
_MATCH_SCALE = 1.2

COMPARING = ("same", "within")
"""The guides whose heads hold a note against other notes, and against names where they stand."""


@dataclass(frozen=True)
class View:
    """How far back a head looks; the rotary pairs that decide it, and how sharply they do."""

    back: int
    pairs: tuple[int, ...]
    strength: float


VIEWS = (
    View(1, (0, 1, 2, 3), 11.0),
    View(2, (0, 1, 2, 3), 11.0),
    View(3, (0, 1, 2, 3), 11.0),
    View(4, (0, 1, 2, 3), 11.0),
    View(6, (2, 3), 12.0),
    View(12, (3, 4), 26.0),
)


@dataclass(frozen=True)
class Rooms:
    """Which dimensions hold the token, what stands before it, and notes of names."""

    token: slice
    before: slice
    note: slice

    @classmethod
    def of(cls, hidden: int) -> "Rooms":
        """Three, a little more than two and a little less than two sevenths of the dimensions."""
        first, second = hidden * 3 // 7, hidden * 3 // 4
        return cls(slice(0, first), slice(first, second), slice(second, hidden))


def start(network: Any, shape: Shape) -> None:
    """Overwrite a fresh network's weights, in place and without a gradient."""
    rooms = Rooms.of(shape.hidden)
    embeddings = network.model.embed_tokens.weight
    embeddings.normal_(0.0, _EMBEDDING_SCALE)
    embeddings[:, rooms.token.stop :] = 0.0
    layers = [one.self_attn for one in network.model.layers]
    _look_back(layers[0], shape)
    for attention in layers[:3]:
        attention.o_proj.weight[rooms.token] = 0.0
        attention.o_proj.weight[rooms.note] = 0.0
    _see(layers[0], rooms, shape)
    for name in SAYING:
        seen = _reader(rooms.token, shape)
        _write(layers, name, seen, _SAID_SCALE * seen.T, shape)
    read, note = _reader(rooms.before, shape), _reader(rooms.note, shape)
    for name in NOTING:
        _write(layers, name, read, _NOTED_SCALE * note.T, shape)
    for name in COMPARING:
        _compare(layers, name, read, note, shape)


def _look_back(attention: Any, shape: Shape) -> None:
    """Under RoPE a constant key and a query turned by -d positions meet at distance d."""
    import torch

    half = shape.head_size // 2
    attention.q_proj.weight.mul_(0.2)
    attention.k_proj.weight.mul_(0.2)
    attention.k_proj.bias.view(-1, shape.head_size)[:, :_FAST_PAIRS] = _KEY_STRENGTH
    queries = attention.q_proj.bias.view(shape.heads, shape.head_size)
    for head, view in enumerate(VIEWS):
        for pair in view.pairs:
            angle = torch.tensor(-view.back * shape.rope_theta ** (-pair / half))
            queries[head, pair] = view.strength * torch.cos(angle)
            queries[head, half + pair] = view.strength * torch.sin(angle)


def _see(attention: Any, rooms: Rooms, shape: Shape) -> None:
    """The first layer writes the tokens it looks at beside the token itself."""
    import torch

    for head in range(len(VIEWS)):
        rows = _rows(head, shape)
        attention.v_proj.weight[rows] = _reader(rooms.token, shape)
        width = rooms.before.stop - rooms.before.start
        attention.o_proj.weight[rooms.before, rows] = _SEEN_SCALE * torch.randn(
            width, shape.head_size
        )


def _write(layers: list[Any], name: str, read: Any, written: Any, shape: Shape) -> None:
    layer, head = HEADS[name]
    layers[layer].v_proj.weight[_rows(head, shape)] = read
    layers[layer].o_proj.weight[:, _rows(head, shape)] = written


def _compare(layers: list[Any], name: str, read: Any, note: Any, shape: Shape) -> None:
    """A query is a note; a key is a note or what a note would be taken from.

    They use the dimensions that RoPE hardly turns. A name is always the same as itself, so the
    head looks at it where it stands in the file unless the other place fits as well.
    """
    layer, head = HEADS[name]
    half = shape.head_size // 2
    slow = [*range(_FAST_PAIRS, half), *range(half + _FAST_PAIRS, shape.head_size)]
    queries = layers[layer].q_proj.weight[_rows(head, shape)]
    keys = layers[layer].k_proj.weight[_rows(head, shape)]
    queries.mul_(0.3)
    keys.mul_(0.3)
    queries[slow] = _MATCH_SCALE * note[slow]
    keys[slow] = _MATCH_SCALE * (note + read)[slow]


def _reader(room: slice, shape: Shape) -> Any:
    """(head size, hidden): a random matrix that reads one room, its rows or columns orthogonal."""
    import torch

    width = room.stop - room.start
    square = torch.linalg.qr(torch.randn(max(width, shape.head_size), max(width, shape.head_size)))
    found = torch.zeros(shape.head_size, shape.hidden)
    found[:, room] = square[0][: shape.head_size, :width]
    return found


def _rows(head: int, shape: Shape) -> slice:
    return slice(head * shape.head_size, (head + 1) * shape.head_size)
