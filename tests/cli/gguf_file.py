"""Making small GGUF files by hand."""

from __future__ import annotations

import struct
from pathlib import Path


def write_gguf(
    path: Path,
    context: int = 4096,
    kind: str = "model",
    template: bool = True,
    tensors: int = 1,
    architecture: str = "llama",
    name: str = "Tiny Test",
) -> Path:
    """A file with a right header and one tensor of four zeros; no engine could answer with it."""
    pairs = [
        _text("general.architecture", architecture),
        _text("general.name", name),
        _text("general.type", kind),
        _string(f"{architecture}.context_length") + struct.pack("<II", 4, context),
    ]
    if template:
        pairs.append(_text("tokenizer.chat_template", "{{ messages }}"))
    tensor = _string("t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, len(pairs)) + b"".join(pairs)
    head += tensor * tensors
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(32 * tensors))
    return path


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _text(key: str, value: str) -> bytes:
    return _string(key) + struct.pack("<I", 8) + _string(value)
