"""A session bus of its own with a Secret Service on it, in memory: what GNOME Keyring is there.

    with SecretService() as service:
        ...                  # a program with DBUS_SESSION_BUS_ADDRESS=service.address
        assert service.passwords == {"OPENAI_API_KEY@api.openai.com": "sk-..."}

The program talks to it through the keyring package's own backend, over D-Bus. `mood`:

    normal      keeps what it is given
    forgetful   takes everything and keeps nothing
    changing    gives something else back
    locked      waits for a passphrase that nobody types
    mute        lets everybody in and says nothing more
    failing     answers every call with an error that quotes what it was given
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.low_level import Parser

BEGIN = b"BEGIN\r\n"
OK = b"OK 0123456789abcdef0123456789abcdef\r\n"
ITEMS = "/org/freedesktop/secrets/collection/login/"
PROMPT = "/org/freedesktop/secrets/prompt/p1"


class SecretService:
    """The bus and the service; each connection has a thread."""

    def __init__(self, mood: str = "normal") -> None:
        self.mood = mood
        self.items: dict[str, tuple[dict[str, str], bytes]] = {}
        self.given: list[str] = []
        """Every secret that was handed over, whatever became of it."""
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "bus"
        self.address = f"unix:path={path}"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> SecretService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for client in (self._server, *self._clients):
            client.close()
        self._folder.cleanup()

    @property
    def passwords(self) -> dict[str, str]:
        """What is kept, by user name."""
        return {attributes["username"]: word.decode() for attributes, word in self.items.values()}

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = b""
            while BEGIN not in data:
                block = client.recv(4096)
                if not block:
                    return
                data += block
                if b"AUTH EXTERNAL" in block:
                    client.sendall(OK)
            if self.mood != "mute":
                self._talk(client, data.partition(BEGIN)[2])

    def _talk(self, client: socket.socket, data: bytes) -> None:
        """`data` is what came together with the end of the greeting."""
        parser = Parser()
        serial = 0
        while data or (data := client.recv(65536)):
            parser.add_data(data)
            data = b""
            while message := parser.get_next_message():
                answer = self._answer(message)
                if answer is not None:
                    serial += 1
                    answer.header.fields[HeaderFields.destination] = ":1.1"
                    client.sendall(answer.serialise(serial))

    def _answer(self, message: Message) -> Message | None:
        if message.header.message_type is not MessageType.method_call:
            return None
        member = message.header.fields[HeaderFields.member]
        if member == "Prompt":
            return new_method_return(message)
        if self.mood == "failing" and member == "CreateItem":
            quoted = f"cannot store {bytes(message.body[1][2]).decode()}"
            return new_error(message, "org.freedesktop.DBus.Error.Failed", "s", (quoted,))
        if member == "OpenSession" and message.body[0] != "plain":
            return new_error(message, "org.freedesktop.DBus.Error.NotSupported", "s", ("plain",))
        path = message.header.fields[HeaderFields.path]
        signature, *body = getattr(self, f"_{member}")(path, message.body)
        return new_method_return(message, signature, tuple(body))

    # What is called over the bus has the names that the bus gives it.

    def _Hello(self, path: str, body: Any) -> Any:  # noqa: N802
        return "s", ":1.1"

    def _AddMatch(self, path: str, body: Any) -> Any:  # noqa: N802
        return ("",)

    def _NameHasOwner(self, path: str, body: Any) -> Any:  # noqa: N802
        return "b", body[0] == "org.freedesktop.secrets"

    def _OpenSession(self, path: str, body: Any) -> Any:  # noqa: N802
        return "vo", ("s", ""), "/org/freedesktop/secrets/session/s1"

    def _Get(self, path: str, body: Any) -> Any:  # noqa: N802
        locked = self.mood == "locked"
        return "v", ("b", locked) if body[1] == "Locked" else ("s", "Login")

    def _Unlock(self, path: str, body: Any) -> Any:  # noqa: N802
        return ("aoo", [], PROMPT) if self.mood == "locked" else ("aoo", body[0], "/")

    def _SearchItems(self, path: str, body: Any) -> Any:  # noqa: N802
        wanted = body[0].items()
        return "ao", [name for name, (has, _) in self.items.items() if wanted <= has.items()]

    def _CreateItem(self, path: str, body: Any) -> Any:  # noqa: N802
        attributes = body[0]["org.freedesktop.Secret.Item.Attributes"][1]
        word = bytes(body[1][2])
        self.given.append(word.decode())
        same = [name for name, (has, _) in self.items.items() if has == attributes]
        name = same[0] if same else f"{ITEMS}{len(self.given)}"
        if self.mood != "forgetful":
            self.items[name] = (attributes, word)
        return "oo", name, "/"

    def _GetSecret(self, path: str, body: Any) -> Any:  # noqa: N802
        word = b"another-word-1" if self.mood == "changing" else self.items[path][1]
        return "(oayays)", (body[0], b"", word, "text/plain")

    def _Delete(self, path: str, body: Any) -> Any:  # noqa: N802
        del self.items[path]
        return "o", "/"
