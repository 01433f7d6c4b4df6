"""What an Ollama is asked, and what is made of the answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from lodestar.errors import UsageError
from lodestar.ollama import DEFAULT_URL, Address, OllamaError, address, full_name
from lodestar.ollama import Ollama as Client
from tests.fakes.ollama import Model, Ollama


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    models = {"llama3.1:8b": Model(), "small:latest": Model(num_ctx=2048, trained=8192)}
    with Ollama(models) as server:
        yield server


@contextlib.contextmanager
def talker(answer: bytes) -> Iterator[str]:
    """A server that says these bytes to whoever comes, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://192.168.0.10:11434", "http://192.168.0.10:11434"),
        ("http://192.168.0.10:11434/", "http://192.168.0.10:11434"),
        ("http://192.168.0.10:11434/v1", "http://192.168.0.10:11434"),
        ("192.168.0.10:8080", "http://192.168.0.10:8080"),
        ("gpu.lan", "http://gpu.lan:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::1]:11434", "http://[::1]:11434"),
        ("https://ollama.example.org/sub/", "https://ollama.example.org:443/sub"),
        ("http://gpu.lan", "http://gpu.lan:80"),
    ],
)
def test_an_address_is_read_as_ollama_itself_reads_it(text: str, url: str) -> None:
    assert address(text, {}) == Address(url, "ollama.url", True)
    assert address(None, {"OLLAMA_HOST": f" '{text}' "}) == Address(url, "$OLLAMA_HOST", True)


def test_without_a_word_the_usual_port_is_looked_at() -> None:
    assert address(None, {}) == Address(DEFAULT_URL, "Ollama's own default", False)
    assert address(None, {"OLLAMA_HOST": " "}) == address(None, {})


def test_the_configured_address_comes_before_the_environment_and_none_is_none() -> None:
    place = address("gpu.lan", {"OLLAMA_HOST": "other.lan"})
    assert place
    assert place.url == "http://gpu.lan:11434"
    assert address("none", {"OLLAMA_HOST": "other.lan"}) is None
    assert address(None, {"OLLAMA_HOST": "none"}) is None


@pytest.mark.parametrize(
    "text", ["ftp://gpu.lan", "http://user:secret@gpu.lan", "gpu.lan:99999", "http://gpu.lan/?a=b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not the address of an Ollama"):
        address(text, {})


def test_a_name_without_a_tag_is_the_latest_one() -> None:
    assert full_name("llama3.1") == "llama3.1:latest"
    assert full_name("registry.lan:5000/me/llama3.1") == "registry.lan:5000/me/llama3.1:latest"
    assert full_name("llama3.1:8b") == "llama3.1:8b"


def test_its_models_and_their_contexts_are_read(ollama: Ollama) -> None:
    client = Client(ollama.url, 5)
    assert set(client.tags()) == {"llama3.1:8b", "small:latest"}
    assert client.loaded() == {}
    client.load("small")
    assert client.loaded() == {"small:latest": 2048}
    assert client.settled_context("small") == (2048, 8192)
    assert client.settled_context("llama3.1:8b") == (0, 16384)


def test_an_old_one_that_does_not_say_how_much_is_taken_at_its_word(ollama: Ollama) -> None:
    ollama.says_context = False
    ollama.load("llama3.1:8b")
    assert Client(ollama.url, 5).loaded() == {"llama3.1:8b": 0}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<htm",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:9/\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
)
def test_what_is_no_ollama_is_said_to_be_none(answer: bytes) -> None:
    with talker(answer) as url, pytest.raises(OllamaError, match=r"Ollama|HTTP"):
        Client(url, 5).tags()


def test_an_answer_of_another_shape_is_an_empty_list() -> None:
    body = b'{"models": [1, null, {"name": 7, "context_length": "many"}]}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with talker(answer) as url:
        assert Client(url, 5).loaded() == {"7:latest": 0}


def test_a_server_that_is_out_of_order_is_named(ollama: Ollama) -> None:
    ollama.status = 503
    with pytest.raises(OllamaError, match="HTTP 503"):
        Client(ollama.url, 5).tags()
