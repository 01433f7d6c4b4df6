"""The demo model: a fresh network, its optimisers and its rates."""

from typing import Any

from lodestar.modules.learning.demo import first_look, muon
from lodestar.modules.learning.demo.shape import Shape

_OUTPUT_SCALE = 0.3


def build(shape: Shape) -> Any:
    """A fresh `network.Network` of this shape."""
    import torch

    from lodestar.modules.learning.demo.network import Network

    model = Network(shape)
    with torch.no_grad():
        for name, one in model.named_parameters():
            if name.endswith("bias"):
                one.zero_()
            elif "o_proj" in name or "down_proj" in name:
                one.mul_(_OUTPUT_SCALE)
        first_look.start(model, shape)
    return model


def optimisers(model: Any, muon_rate: float, adam_rate: float) -> list[Any]:
    """Muon for the matrices, AdamW for embeddings, norms and biases."""
    import torch

    named = list(model.named_parameters())
    matrices = [one for name, one in named if one.ndim == 2 and "embed" not in name]
    chosen = {id(one) for one in matrices}
    rest = [one for _, one in named if id(one) not in chosen]
    return [
        torch.optim.AdamW(rest, lr=adam_rate, betas=(0.9, 0.98), weight_decay=0.01),
        muon.make(matrices, muon_rate),
    ]


def rate(step: int, steps: int, warm_up: int, last: float) -> float:
    """The learning rate's factor: warm-up, then linear from 1 to `last`."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 1.0 + (last - 1.0) * step / steps
