"""Files that cannot be used are refused, and the engine goes on."""

import hashlib
import json
import random
import struct

import pytest

from lodestar_engine.gguf import HeaderError, read_header


def header(tensors=0, pairs=0, version=3, rest=b""):
    return struct.pack("<4sIQQ", b"GGUF", version, tensors, pairs) + rest


def text(value):
    return struct.pack("<Q", len(value)) + value


BAD = {
    "empty": b"",
    "not a GGUF": b"PK\x03\x04" + b"\0" * 100,
    "43 bytes": header(1, 1, rest=text(b"a.b") + b"\xff" * 8),
    "unknown version": header(version=77),
    "countless tensors": header(tensors=2**63),
    "countless pairs": header(pairs=2**63),
    "endless key": header(pairs=1, rest=struct.pack("<Q", 2**63) + b"a"),
    "endless array": header(pairs=1, rest=text(b"a") + struct.pack("<IIQ", 9, 4, 2**63)),
    "huge array of texts": header(pairs=1, rest=text(b"a") + struct.pack("<IIQ", 9, 8, 50)),
    "nested array": header(pairs=1, rest=text(b"a") + struct.pack("<IIQ", 9, 9, 1)),
    "unknown type": header(pairs=1, rest=text(b"a") + struct.pack("<I", 99)),
    "no architecture": header(),
    "tensor outside": header(
        1,
        1,
        rest=text(b"general.architecture")
        + struct.pack("<I", 8)
        + text(b"llama")
        + text(b"t")
        + struct.pack("<IQQIQ", 2, 2**31, 2**31, 0, 0),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_header_is_refused_with_a_reason(tmp_path, name):
    path = tmp_path / "bad.gguf"
    path.write_bytes(BAD[name])
    with pytest.raises(HeaderError, match=r"^it"):
        read_header(path)


def test_a_folder_is_not_a_model(tmp_path):
    with pytest.raises(HeaderError, match="regular file"):
        read_header(tmp_path)


def test_a_file_cut_off_anywhere_in_its_header_is_refused(tmp_path, demo_model):
    whole = demo_model.read_bytes()
    path = tmp_path / "cut.gguf"
    for length in [*range(24, 2000, 97), len(whole) // 2]:
        path.write_bytes(whole[:length])
        with pytest.raises(HeaderError):
            read_header(path)


def ask(engine, name):
    reply = engine.chat("hello", model=name)
    return reply.status, reply.json["error"]["message"]


@pytest.mark.parametrize("name", ["empty", "43 bytes", "countless tensors"])
def test_a_bad_file_gives_a_clear_error_and_the_next_request_works(engine, name):
    path = engine.home / "models" / "bad.gguf"
    path.write_bytes(BAD[name])
    try:
        status, message = ask(engine, "bad")
        assert status == 400
        assert str(path) in message
        assert engine.request("POST", "/v1/warm", {"model": "bad"}).status == 400
        assert engine.chat("hello").status == 200
    finally:
        path.unlink()


def test_a_file_that_only_llama_cpp_finds_wrong_is_refused_too(engine, write_file):
    path = engine.home / "models" / "alien.gguf"
    write_file(path, {"general.architecture": "alien", "alien.context_length": 512}, {})
    status, message = ask(engine, "alien")
    path.unlink()
    assert (status, "llama.cpp cannot load" in message) == (400, True)
    assert engine.chat("hello").status == 200


def test_a_replaced_file_is_looked_at_again(engine, demo_model):
    path = engine.home / "models" / "mended.gguf"
    path.write_bytes(b"broken")
    assert ask(engine, "mended")[0] == 400
    path.write_bytes(demo_model.read_bytes())
    assert engine.chat("hello", model="mended").status == 200
    path.unlink()


def test_a_missing_model_is_named(engine):
    status, message = ask(engine, "nothing-here")
    assert (status, "nothing-here" in message) == (400, True)


@pytest.mark.parametrize(
    "name",
    ["../small", "a/b", "/etc/passwd", ".hidden", "", "small@../x", "small@", "a" * 65, "a\0b", 7],
    ids=repr,
)
def test_a_name_that_is_no_file_name_is_refused(engine, name):
    for path in ("/v1/chat/completions", "/v1/warm"):
        body = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
        reply = engine.request("POST", path, body)
        assert (reply.status, reply.json["error"]["code"]) == (400, "invalid_model_name")


@pytest.fixture
def copied(engine, demo_model):
    """A model of its own with a manifest to write."""
    model = engine.home / "models" / "copied.gguf"
    manifest = model.with_suffix(".json")
    model.write_bytes(demo_model.read_bytes())
    yield lambda data: manifest.write_text(data if isinstance(data, str) else json.dumps(data))
    model.unlink()
    manifest.unlink()


def test_a_wrong_checksum_is_refused_and_the_right_one_accepted(engine, demo_model, copied):
    copied({"sha256": "0" * 64})
    status, message = ask(engine, "copied")
    assert (status, "SHA-256" in message) == (400, True)
    copied({"sha256": hashlib.sha256(demo_model.read_bytes()).hexdigest().upper()})
    assert engine.chat("hello", model="copied").status == 200


def test_the_manifest_caps_the_context(engine, copied):
    copied({"context": 256})
    assert engine.request("POST", "/v1/warm", {"model": "copied"}).json == {"context": 256}
    assert "256 tokens" in ask_long(engine)


def ask_long(engine):
    return engine.chat("hello " * 300, model="copied").json["error"]["message"]


@pytest.mark.parametrize("data", ["{", "[]", {"context": "big"}, {"context": 1}, {"sha256": 7}])
def test_a_broken_manifest_is_an_error_of_its_own(engine, copied, data):
    copied(data)
    status, message = ask(engine, "copied")
    assert (status, "copied.json" in message) == (400, True)


def test_the_list_shows_every_model_with_size_and_context(engine, demo_model):
    bad = engine.home / "models" / "broken.gguf"
    bad.write_bytes(b"no")
    reply = engine.request("GET", "/v1/models").json
    bad.unlink()
    entries = {entry["id"]: entry for entry in reply["data"]}
    assert entries["small"]["size"] == demo_model.stat().st_size
    assert entries["small"]["context"] == read_header(demo_model).context_length
    assert "not a GGUF file" in entries["broken"]["error"]


def test_the_packaged_model_says_that_it_is_a_demo(engine):
    reply = engine.request("GET", "/v1/models").json
    (demo,) = [entry for entry in reply["data"] if entry["id"] == "demo"]
    assert "demo model" in demo["description"]
    assert demo["owned_by"] == "lodestar"
    assert engine.chat("hello", model="demo").status == 200


def test_no_damage_to_a_header_is_worse_than_a_refusal(tmp_path, demo_model):
    whole = demo_model.read_bytes()[:4000]
    dice = random.Random(1)
    path = tmp_path / "damaged.gguf"
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            damaged[dice.randrange(4, len(damaged))] = dice.choice([0, 1, 8, 9, 0x7F, 0xFF])
        path.write_bytes(damaged)
        with pytest.raises(HeaderError):
            read_header(path)
