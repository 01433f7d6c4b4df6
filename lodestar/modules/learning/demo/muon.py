"""Muon in float32: momentum whose update is made orthogonal, for the weight matrices.

torch.optim.Muon does the same in bfloat16, which is many times slower on a CPU without it.
"""

from dataclasses import dataclass, field
from typing import Any

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_MOMENTUM = 0.95
_DECAY = 0.01


def orthogonal(matrix: Any, rounds: int = 5) -> Any:
    """The nearest matrices with all singular values near 1 (Newton-Schulz), for (..., n, m)."""
    first, second, third = _COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    turned = matrix.mT if tall else matrix
    turned = turned / (turned.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = turned @ turned.mT
        turned = first * turned + (second * square + third * square @ square) @ turned
    return turned.mT if tall else turned


@dataclass
class Muon:
    """Orthogonalised Nesterov momentum with weight decay; used like a torch optimiser."""

    param_groups: list[dict[str, Any]]
    momenta: dict[int, Any] = field(default_factory=dict)

    def step(self) -> None:
        """Update all matrices, those of one shape together."""
        import torch

        with torch.no_grad():
            for group in self.param_groups:
                for same in _by_shape(group["params"]):
                    self._update(same, group["lr"])

    def _update(self, same: list[Any], rate: float) -> None:
        import torch

        mixed = []
        for one in same:
            momentum = self.momenta.setdefault(id(one), torch.zeros_like(one))
            momentum.lerp_(one.grad, 1 - _MOMENTUM)
            mixed.append(one.grad.lerp(momentum, _MOMENTUM))
        scale = max(1.0, same[0].shape[0] / same[0].shape[1]) ** 0.5
        for one, change in zip(same, orthogonal(torch.stack(mixed)), strict=True):
            one.mul_(1 - rate * _DECAY)
            one.add_(change, alpha=-rate * scale)


def make(matrices: list[Any], rate: float) -> Muon:
    """Muon over `matrices`."""
    return Muon([{"params": matrices, "lr": rate}])


def _by_shape(matrices: list[Any]) -> list[list[Any]]:
    groups: dict[tuple[int, ...], list[Any]] = {}
    for one in matrices:
        if one.grad is not None:
            groups.setdefault(tuple(one.shape), []).append(one)
    return list(groups.values())
