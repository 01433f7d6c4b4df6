"""From messages to the prompt."""

import pytest

from lodestar_engine import chat_template
from lodestar_engine.chat_template import ChatTemplate
from lodestar_engine.errors import ApiError

STRICT = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' or (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}"
)


def message(role, content):
    return {"role": role, "content": content}


def test_a_file_without_a_template_gets_the_usual_one():
    prompt = ChatTemplate(None, "<s>", "</s>").render([message("user", "hello")])
    assert prompt == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_a_template_that_insists_on_turns_gets_them():
    template = ChatTemplate(STRICT, "<s>", "</s>")
    messages = [
        message("system", "rules"),
        message("user", "one"),
        message("assistant", "yes"),
        message("system", "reminder"),
        message("user", "two"),
    ]
    assert template.render(messages) == "<s>[user]rules\n\none[assistant]yes[user]reminder\n\ntwo"
    assert messages[0] == message("system", "rules")


@pytest.mark.parametrize("template", ["{% for %}", "{{ unclosed"])
def test_a_template_that_is_no_template_is_refused(template):
    with pytest.raises(ApiError, match="template is broken"):
        ChatTemplate(template, "", "")


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('never') }}",
        "{{ messages.nothing.at_all }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_is_refused(template):
    with pytest.raises(ApiError, match="refuses these messages"):
        ChatTemplate(template, "", "").render([message("user", "hello")])


def test_a_template_that_never_ends_is_refused_within_seconds(monkeypatch):
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = a %}"
    template = ChatTemplate(f"{loop}{{% endfor %}}{{% endfor %}}", "", "")
    monkeypatch.setattr(chat_template, "RENDER_S", 0.2)
    with pytest.raises(ApiError, match="it does not come to an end"):
        template.render([{"role": "user", "content": "hello"}])
