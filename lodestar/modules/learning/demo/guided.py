"""What training makes of the guides: a loss on where the heads look."""

from collections.abc import Sequence
from typing import Any

from lodestar.modules.learning.demo.guides import HEADS

_TINY = 1e-6


def loss(attention: Sequence[Any], wanted: Any) -> tuple[Any, Any]:
    """(loss, mean loss by guide).

    `attention` has one (B, heads, T, T) a layer; `wanted` is (guides, B, T), the position to look
    at or -1.
    """
    import torch

    costs = []
    for number, (layer, head) in enumerate(HEADS.values()):
        target = wanted[number]
        seen = attention[layer][:, head].gather(-1, target.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        cost = -(seen.float() + _TINY).log()
        some, none = target > 0, target == 0
        kinds = (some.any().float() + none.any().float()).clamp(min=1)
        costs.append((_mean(cost, some) + _mean(cost, none)) / kinds)
    stacked = torch.stack(costs)
    return stacked.sum(), stacked.detach()


def _mean(cost: Any, chosen: Any) -> Any:
    """Looks at something and looks at nothing count alike, however rare the first ones are."""
    return (cost * chosen).sum() / chosen.sum().clamp(min=1)


def weights(wanted: Any) -> Any:
    """(B, T): how much each token's prediction counts; where a new name begins, three times."""
    return 1.0 + 2.0 * (wanted[list(HEADS).index("new")] > 0)
