"""A network on disk, in the form transformers and `export` read: config.json, model.safetensors."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lodestar.modules.learning.demo.shape import Shape


def save(network: Any, folder: Path) -> None:
    """Write the network; transformers' LlamaForCausalLM loads it."""
    from safetensors.torch import save_file

    state = {name: one.detach().contiguous() for name, one in network.state_dict().items()}
    save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_config(network.shape), indent=2) + "\n")


def load(folder: Path) -> Any:
    """The network that `save` wrote."""
    from safetensors.torch import load_file

    from lodestar.modules.learning.demo.network import Network

    sizes = json.loads((folder / "config.json").read_text())["lodestar_shape"]
    network = Network(Shape(**sizes))
    network.load_state_dict(load_file(str(folder / "model.safetensors")))
    return network


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.head_size,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": shape.rope_theta, "rope_type": "default"},
        "tie_word_embeddings": True,
        "attention_bias": True,
        "mlp_bias": False,
        "hidden_act": "silu",
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "torch_dtype": "float32",
        "lodestar_shape": asdict(shape),
    }
