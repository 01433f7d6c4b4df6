"""The start of training: weights under which the network copies by matching what came before.

Embeddings fill the first dimensions only. The first layer's heads look back, three of them at one
token, three at windows of growing size, and write what they saw into dimensions of their own. The
second layer compares these: a place in the prompt matches when what stands before it is what was
just written, and the token found there is what comes next; other heads look one token further.
Found by training, this takes a model so small most of its time, and what it finds holds only for
the names it has seen.
"""

from dataclasses import dataclass
from typing import Any

from lodestar.modules.learning.demo.shape import Shape

_KEY_STRENGTH = 11.0
_FAST_PAIRS = 5
_MATCH_SCALE = 1.8
_BLOCK_SCALE = 0.3
_EMBEDDING_SCALE = 0.3
_WRITE_SCALE = 2.0


@dataclass(frozen=True)
class View:
    """What one head of the first layer sees: how far back, and how wide.

    `pairs` are the rotary pairs that decide the distance and `strength` how sharply; `width` are
    the dimensions it writes, `gain` makes up for averaging, `weight` is its part in the match.
    """

    back: int
    pairs: tuple[int, ...]
    strength: float
    width: int
    gain: float
    weight: float


VIEWS = (
    View(1, (0, 1, 2, 3), 11.0, 24, 1.0, 1.0),
    View(2, (0, 1, 2, 3), 11.0, 20, 1.0, 0.8),
    View(3, (0, 1, 2, 3), 11.0, 16, 1.0, 0.6),
    View(5, (2, 3), 80.0, 12, 2.2, 0.35),
    View(6, (2, 3), 12.0, 12, 3.0, 0.45),
    View(12, (3, 4), 26.0, 12, 6.0, 0.4),
)


def start(model: Any, shape: Shape) -> None:
    """Overwrite a fresh model's embeddings and its first two attention layers.

    The embeddings stay as they are from then on: a name never seen is then as good as any other.
    """
    import torch

    embeddings = model.model.embed_tokens.weight
    projection = torch.linalg.qr(torch.randn(shape.head_size, shape.head_size))[0]
    with torch.no_grad():
        embeddings.normal_(0.0, _EMBEDDING_SCALE)
        embeddings[:, shape.head_size :] = 0.0
        _look_back(model.model.layers[0].self_attn, shape, projection)
        _match(model.model.layers[1].self_attn, shape, projection)


def _look_back(attention: Any, shape: Shape, projection: Any) -> None:
    """Under RoPE a constant key and a query turned by -d positions meet at distance d."""
    import torch

    half = shape.head_size // 2
    attention.q_proj.weight.mul_(0.2)
    attention.k_proj.weight.mul_(0.2)
    attention.k_proj.bias.view(-1, shape.head_size)[:, :_FAST_PAIRS] = _KEY_STRENGTH
    queries = attention.q_proj.bias.view(shape.heads, shape.head_size)
    values = attention.v_proj.weight.view(-1, shape.head_size, shape.hidden)
    values[:, :, : shape.head_size] = projection
    output = attention.o_proj.weight.view(shape.hidden, shape.heads, shape.head_size)
    output.zero_()
    for head, view in enumerate(VIEWS):
        for pair in view.pairs:
            angle = torch.tensor(-view.back * shape.rope_theta ** (-pair / half))
            queries[head, pair] = view.strength * torch.cos(angle)
            queries[head, half + pair] = view.strength * torch.sin(angle)
        written = _BLOCK_SCALE * view.gain * torch.eye(view.width, shape.head_size)
        output[_place(head, shape), head] = written


def _match(attention: Any, shape: Shape, projection: Any) -> None:
    """Keys hold what stands before a place, queries what was just written."""
    group = shape.heads // shape.key_value_heads
    queries = attention.q_proj.weight.view(shape.heads, shape.head_size, shape.hidden)
    keys = attention.k_proj.weight.view(-1, shape.head_size, shape.hidden)
    values = attention.v_proj.weight.view(-1, shape.head_size, shape.hidden)
    output = attention.o_proj.weight.view(shape.hidden, shape.heads, shape.head_size)
    slow = _slow_dimensions(shape)
    for place in range(shape.key_value_heads):
        mixers = _mixers(shape)
        keys[place, slow] = _mixed(mixers, shape, projection, 0)
        for further in range(group):
            queries[place * group + further, slow] = _mixed(mixers, shape, projection, 1 + further)
        values[place] = _own(shape)
        output[:, place * group] = _WRITE_SCALE / shape.key_value_heads * _own(shape).T


def _mixed(mixers: list[Any], shape: Shape, projection: Any, ahead: int) -> Any:
    """What a key (`ahead` 0) or a query says of the tokens, those `ahead` places nearer."""
    import torch

    total = torch.zeros(len(_slow_dimensions(shape)), shape.hidden)
    for number, (view, mixer) in enumerate(zip(VIEWS, mixers, strict=True)):
        nearer = number if view.gain > 1 else number - ahead
        if nearer >= 0:
            place = _place(nearer, shape)
            used = min(view.width, VIEWS[nearer].width)
            total[:, place.start : place.start + used] += mixer[:, :used]
        elif nearer == -1:
            total[:, : shape.head_size] += mixer @ projection[: view.width]
    return total


def _place(head: int, shape: Shape) -> slice:
    """The dimensions a head of the first layer writes."""
    begin = shape.head_size + sum(view.width for view in VIEWS[:head])
    return slice(begin, begin + VIEWS[head].width)


def _own(shape: Shape) -> Any:
    """(head size, hidden): the matrix that reads the token itself."""
    import torch

    return torch.eye(shape.head_size, shape.hidden)


def _slow_dimensions(shape: Shape) -> list[int]:
    """A head's dimensions that RoPE hardly turns."""
    half = shape.head_size // 2
    return [*range(_FAST_PAIRS, half), *range(half + _FAST_PAIRS, shape.head_size)]


def _mixers(shape: Shape) -> list[Any]:
    """One random matrix a view, so that distances do not get mixed up."""
    import torch

    rows = len(_slow_dimensions(shape))
    return [
        torch.randn(rows, view.width) * (view.weight * _MATCH_SCALE / view.width) ** 0.5
        for view in VIEWS
    ]
