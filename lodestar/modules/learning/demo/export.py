"""Write a checkpoint as GGUF with its manifest: `python -m ...demo.export --run DIR --out FILE`."""

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.modules.learning.demo.tokenizer import CHAT_TEMPLATE

NAME = "Lodestar demo model"
_PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def interleave(values: Any, heads: int) -> Any:
    """Reorder a q or k matrix (or bias) from transformers' RoPE layout to ggml's.

    A checkpoint keeps each head's rotary dimensions as two halves; ggml pairs neighbours.
    """
    import numpy

    size = values.shape[0] // heads
    halves = values.reshape(heads, 2, size // 2, *values.shape[1:])
    return numpy.ascontiguousarray(halves.swapaxes(1, 2).reshape(values.shape))


@dataclass(frozen=True)
class Checkpoint:
    """A run's folder: config.json, model.safetensors, tokenizer.json."""

    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """The network's sizes, as transformers wrote them."""
        loaded: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        return loaded

    def tokens(self) -> tuple[list[str], list[bool], list[str]]:
        """(texts by id, whether each is an added one, merges)."""
        data = json.loads((self.folder / "tokenizer.json").read_text())
        size = self.config["vocab_size"]
        texts = [f"[PAD{number}]" for number in range(size)]
        added = [False] * size
        for text, number in data["model"]["vocab"].items():
            texts[number] = text
        for one in data["added_tokens"]:
            texts[one["id"]], added[one["id"]] = one["content"], True
        merges = [one if isinstance(one, str) else " ".join(one) for one in data["model"]["merges"]]
        return texts, added, merges

    def tensors(self) -> Iterator[tuple[str, Any]]:
        """(GGUF name, float32 array) of every tensor."""
        from safetensors.numpy import load_file

        loaded = load_file(str(self.folder / "model.safetensors"))
        heads = {
            "attn_q": self.config["num_attention_heads"],
            "attn_k": self.config["num_key_value_heads"],
        }
        yield "token_embd.weight", loaded["model.embed_tokens.weight"]
        yield "output_norm.weight", loaded["model.norm.weight"]
        for layer in range(self.config["num_hidden_layers"]):
            for part, short in _PARTS.items():
                for kind in ("weight", "bias"):
                    values = loaded.get(f"model.layers.{layer}.{part}.{kind}")
                    if values is not None:
                        turned = interleave(values, heads[short]) if short in heads else values
                        yield f"blk.{layer}.{short}.{kind}", turned


def export(checkpoint: Checkpoint, out: Path) -> None:
    """Write the checkpoint as a GGUF file: embeddings in f16, the other matrices in q8_0."""
    import gguf

    writer = gguf.GGUFWriter(str(out), "llama")
    _write_sizes(writer, checkpoint.config)
    _write_tokenizer(writer, checkpoint)
    for name, values in checkpoint.tensors():
        _add(writer, name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(writer: Any, name: str, values: Any) -> None:
    import numpy
    from gguf import GGMLQuantizationType, quants

    if values.ndim == 1:
        writer.add_tensor(name, values.astype(numpy.float32))
    elif name == "token_embd.weight":
        writer.add_tensor(name, values.astype(numpy.float16))
    else:
        kind = GGMLQuantizationType.Q8_0
        packed = quants.quantize(numpy.ascontiguousarray(values), kind)
        writer.add_tensor(name, packed, raw_dtype=kind)


def _write_sizes(writer: Any, config: dict[str, Any]) -> None:
    writer.add_name(NAME)
    writer.add_license("MIT")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(float(config["rope_parameters"]["rope_theta"]))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(7)


def _write_tokenizer(writer: Any, checkpoint: Checkpoint) -> None:
    texts, added, merges = checkpoint.tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(texts)
    writer.add_token_types([_type(text, own) for text, own in zip(texts, added, strict=True)])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(checkpoint.config["bos_token_id"])
    writer.add_eos_token_id(checkpoint.config["eos_token_id"])
    writer.add_pad_token_id(checkpoint.config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _type(text: str, added: bool) -> int:
    """GGUF's token type: 1 normal, 3 control, 4 user defined, 5 unused."""
    if text.startswith("[PAD"):
        return 5
    if not added:
        return 1
    return 3 if text.startswith("<|") else 4


def manifest(out: Path, config: dict[str, Any], recipe: str, figures: object) -> dict[str, Any]:
    """What demo.json says about the file."""
    raw = out.read_bytes()
    return {
        "name": NAME,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "context": config["max_position_embeddings"],
        "recipe_sha256": recipe,
        "evaluation": figures,
    }


def main() -> None:
    """Parse the arguments, write the GGUF file and its manifest beside it."""
    parser = argparse.ArgumentParser(description="Write a training run as GGUF.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--figures", type=Path, help="JSON of the evaluation, kept in the manifest")
    chosen = parser.parse_args()
    checkpoint = Checkpoint(chosen.run)
    export(checkpoint, chosen.out)
    recipe = json.loads((chosen.run / "state.json").read_text())["recipe"]
    figures = json.loads(chosen.figures.read_text()) if chosen.figures else None
    text = json.dumps(manifest(chosen.out, checkpoint.config, recipe, figures), indent=2)
    chosen.out.with_suffix(".json").write_text(f"{text}\n")
    print(f"{chosen.out} {chosen.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
