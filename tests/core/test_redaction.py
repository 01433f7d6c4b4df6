"""Secrets leave the text, ordinary code stays as it is, and nothing takes long."""

from __future__ import annotations

import base64
import random
import string
import sysconfig
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from lodestar.redaction import MAX_CHARS, Redactor, environment_secrets

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"


def drawn(rng: random.Random, alphabet: str, length: int) -> str:
    # A digit and a letter are forced in: a key without either is not worth guarding against.
    text = [rng.choice(alphabet) for _ in range(length)]
    text[length // 2], text[length // 3] = rng.choice("23456789"), "A" if "A" in alphabet else "a"
    return "".join(text)


def corpus(rng: random.Random) -> dict[str, str]:
    """One secret of each kind, drawn so that no real key is in this file."""
    a, h = partial(drawn, rng, ALNUM), partial(drawn, rng, HEX)
    return {
        "openai": "sk-" + a(48),
        "openai project": "sk-" + "proj-" + a(70) + "_" + a(40),
        "openrouter": "sk-" + "or-v1-" + h(64),
        "anthropic": "sk-" + "ant-api03-" + a(90) + "-AA",
        "github": "ghp" + "_" + a(36),
        "github fine": "github" + "_pat_" + a(22) + "_" + a(59),
        "aws": "AK" + "IA" + drawn(rng, UPPER, 16),
        "google": "AI" + "za" + a(35),
        "google secret": "GOCSPX" + "-" + a(28),
        "slack": "xo" + "xb-" + "123456789012-1234567890123-" + a(24),
        "slack app": "xa" + "pp-1-A02-" + a(40),
        "stripe": "sk" + "_live_" + a(24),
        "stripe hook": "wh" + "sec_" + a(32),
        "xai": "xa" + "i-" + a(80),
        "groq": "gs" + "k_" + a(52),
        "hugging face": "h" + "f_" + a(34),
        "gitlab": "gl" + "pat-" + a(20),
        "npm": "np" + "m_" + a(36),
        "pypi": "py" + "pi-" + a(80),
        "sendgrid": "S" + "G." + a(22) + "." + a(43),
        "jwt": "ey" + "J" + a(30) + ".ey" + "J" + a(60) + "." + a(43),
    }


CONTEXTS = {
    "prose": "my key is {}, please use it",
    "env file": "SOME_API_KEY={}\n",
    "export": "export API_TOKEN='{}'",
    "json": '{{"api_key": "{}", "n": 1}}',
    "python": 'client = Client(token="{}")',
    "header": "Authorization: Bearer {}\r\nAccept: */*",
    "yaml": "password: {}\nuser: me",
    "log line": "12:00:01 GET /v1?key={}&x=1 200",
    "escaped json": '"{{\\"secret\\": \\"{}\\"}}"',
}


@pytest.mark.parametrize("kind", sorted(corpus(random.Random(0))))
def test_a_secret_of_a_known_shape_is_found_in_every_context(kind: str) -> None:
    secrets = [corpus(random.Random(seed))[kind] for seed in range(5)]
    missed = []
    for name, context in CONTEXTS.items():
        for secret in secrets:
            found = Redactor().text(context.format(secret))
            if secret[8:30] in found or "[REDACTED:" not in found:
                missed.append((name, found))
    assert not missed


@pytest.mark.parametrize("context", sorted(set(CONTEXTS) - {"prose", "log line"}))
def test_a_secret_without_a_shape_is_found_where_it_is_assigned(context: str) -> None:
    secret = drawn(random.Random(3), ALNUM, 32)
    assert secret not in Redactor().text(CONTEXTS[context].format(secret))


def test_a_private_key_goes_as_a_whole() -> None:
    body = "\n".join("A1b2" * 16 for _ in range(20))
    head, tail = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    assert Redactor().text(f"x\n{head}\n{body}\n{tail}\ny") == "x\n[REDACTED:private_key]\ny"
    assert "A1b2A1b2" not in Redactor().text(f"cut short: {head}\n{body}")


def test_a_password_in_a_url_goes_and_its_host_stays() -> None:
    found = Redactor().text("postgres://app:hunter2@db.example.org:5432/x")
    assert found == "postgres://app:[REDACTED:url_password]@db.example.org:5432/x"


def test_a_password_on_a_command_line_goes() -> None:
    assert "pa55w0rdX" not in Redactor().text("mysql --password pa55w0rdX --host h")


SECRET = "correct horse/battery+staple=42"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(b"user:" + SECRET.encode() + b":x").decode(),
        base64.b64encode(b"me:" + SECRET.encode()).decode(),
    ],
)
def test_a_secret_we_hold_is_found_in_every_form(form: str) -> None:
    found = Redactor([SECRET]).text(f"<<{form}>>")
    assert "[REDACTED:known]" in found
    assert form not in found


def test_a_secret_learned_later_is_found_too() -> None:
    redactor = Redactor(["first-secret"])
    redactor.add("second-secret")
    found = redactor.text("first-secret second-secret")
    assert found == "[REDACTED:known] [REDACTED:known]"


def test_environment_values_named_like_secrets_are_known() -> None:
    environ = {
        "MY_API_KEY": "abcdefgh", "GITHUB_TOKEN": "tokentok", "DB_PASSWORD": "passpass",
        "AWS_SECRET_ACCESS_KEY": "awsawsaws", "SHORT_KEY": "abc", "PATH": "/usr/bin:/bin",
        "KEYBOARD": "us-international", "SSH_KEY_PATH": "/home/me/.ssh/id",
    }  # fmt: skip
    assert environment_secrets(environ) == {"abcdefgh", "tokentok", "passpass", "awsawsaws"}


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor([SECRET])
    text = "\n".join(
        c.format(s) for s in corpus(random.Random(1)).values() for c in CONTEXTS.values()
    )
    once = redactor.text(text + SECRET)
    assert redactor.text(once) == once


ORDINARY = """
def get_token(self, key=None, password: str = "", *, api_key: str | None = None) -> Token:
    token = self.lexer.next_token2(key=lambda item: item.sort_key)
    secret = os.environ["APP_SECRET"]; password = getpass.getpass()
    headers = {"Authorization": f"Bearer {token}"}
    url = f"https://{user}:{password}@{host}/path"
    self.assertEqual(sorted(d, key=itemgetter(1)), [1, 2])
    sk-toggleable__label-arrow { color: #ff0011; key: value; }
    commit 5413b67c0ffee5413b67c0ffee5413b67c0ffee0
    task-manager disk-usage --max-tokens 4096 --keyring-backend file1
"""


def test_ordinary_code_is_not_changed() -> None:
    assert Redactor().text(ORDINARY) == ORDINARY


def test_the_standard_library_is_hardly_touched() -> None:
    """The bound asked for is 10 lines in 1000; measured over all of it: 0.02."""
    redactor = Redactor(["a-secret-that-is-not-there"])
    lines = changed = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:120]:
        text = path.read_text("utf-8", "replace")
        after = redactor.text(text)
        pairs = list(zip(text.split("\n"), after.split("\n"), strict=True))
        lines += len(pairs)
        changed += sum(before != now for before, now in pairs)
    assert lines > 50_000
    rate = 1000 * changed / lines
    assert rate <= 0.2, f"{rate:.2f} of 1000 lines changed"


ADVERSARIAL = [
    "a", "=", "://", "eyJ", "eyJabcdefghij.", "token=", "token='abcdefgh1' ", "sk-a1 ", "--",
    "--key ", "Bearer a1a1a1a1a1a1a1a1 ", "-----BEGIN PRIVATE KEY-----", "-a", ":    ",
    "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n", "keykeykeykey=9ffffffffffffff ", "\0",
    "\udc80", "xoxb-",
]  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_grows_in_step_with_the_text(unit: str) -> None:
    """Sixteen times the text may take some forty times as long, not 256 times."""
    redactor = Redactor(["a-secret-that-is-not-there"], clock=lambda: 0.0)

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        best = min(_timed(redactor, text) for _ in range(2))
        return max(best, 0.0005)

    assert seconds(256 * 1024) / seconds(16 * 1024) < 48


def _timed(redactor: Redactor, text: str) -> float:
    start = time.process_time()
    redactor.text(text)
    return time.process_time() - start


def test_a_text_beyond_the_limit_is_dropped() -> None:
    assert Redactor().text("a" * (MAX_CHARS + 1)) == "[REDACTED:too_large]"


def test_a_text_that_takes_too_long_is_dropped() -> None:
    times = iter(range(0, 100, 3))
    assert Redactor(clock=lambda: next(times)).text("a\n" * 10) == "[REDACTED:too_slow]"


def test_a_failure_drops_the_text_instead_of_raising() -> None:
    times = iter([0.0])
    assert Redactor(clock=lambda: next(times)).text("some text") == "[REDACTED:failed]"


def test_a_secret_on_a_very_long_line_is_not_cut_in_two() -> None:
    secret = corpus(random.Random(2))["openai"]
    for shift in range(0, 60, 7):
        line = "word, " * 10_900 + "x" * shift + f" {secret} " + "word, " * 30_000
        assert secret[10:] not in Redactor().text(line)
