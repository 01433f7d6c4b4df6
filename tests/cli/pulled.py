"""What the tests of `lodestar models pull` pull: the demo model under other names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.fakes.hub import FILE, REPO

DEMO = Path(__file__).parents[2] / "shims" / "lodestar_engine" / "models" / "demo.gguf"
CONTENT = DEMO.read_bytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAMED = f"{REPO}:{FILE}"
LISTED = "qwen2.5-coder-1.5b"
LISTED_REPO = "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF"
LISTED_FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
CHUNK = 64 << 10
"""Bytes that are written at a time, small enough for a part of so small a file to be kept."""
