"""The demo model: a small llama that starts out able to copy."""

from typing import Any

from lodestar.modules.learning.demo import copying, muon
from lodestar.modules.learning.demo.shape import Shape


def build(shape: Shape) -> Any:
    """A fresh transformers LlamaForCausalLM of this shape."""
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            intermediate_size=shape.feed_forward,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.key_value_heads,
            head_dim=shape.head_size,
            max_position_embeddings=shape.context,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_theta": shape.rope_theta, "rope_type": "default"},
            tie_word_embeddings=True,
            attention_bias=True,
            attn_implementation="sdpa",
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=0,
        )
    )
    copying.start(model, shape)
    return model


def optimisers(model: Any, muon_rate: float, adam_rate: float) -> list[Any]:
    """Muon for the matrices, AdamW for norms and biases; embeddings keep."""
    import torch

    model.model.embed_tokens.weight.requires_grad_(False)
    named = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    matrices = [one for _, one in named if one.ndim == 2]
    chosen = {id(one) for one in matrices}
    rest = [one for _, one in named if id(one) not in chosen]
    return [
        torch.optim.AdamW(rest, lr=adam_rate, betas=(0.9, 0.98), weight_decay=0.01),
        muon.make(matrices, muon_rate),
    ]


def rate(step: int, steps: int, warm_up: int, decay: float, floor: float = 0.04) -> float:
    """The learning rate's factor: warm-up, constant, then linear decay over the last part."""
    if step < warm_up:
        return (step + 1) / warm_up
    left = (steps - step) / (decay * steps) if decay else 1.0
    return max(floor, min(1.0, left))
