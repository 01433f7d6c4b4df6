"""The tokenizer: byte-level BPE in which a name has the same tokens wherever it stands.

Three choices make copying learnable by a very small model: no merge crosses from a space, an
underscore or punctuation into a word; the only merges with a space are those of common keywords;
and each fixed paragraph of Aider's prompts is one token.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lodestar.modules.learning.demo.prompts import Message
from lodestar.modules.learning.demo.tasks import DECLINED, NO_FILE

KEYWORDS = (
    "return",
    "import",
    "self",
    "class",
    "while",
    "raise",
    "else",
    "print",
    "None",
    "True",
    "False",
    "lambda",
    "yield",
    "await",
    "async",
    "except",
    "range",
    "with",
    "from",
    "to",
)
ROLES = ("system", "user", "assistant")
END = "<|end|>"
SPECIAL = ("<|endoftext|>", END, *(f"<|{role}|>" for role in ROLES))
CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_SPACE = "Ġ"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_WORDS = r"_+|\d|[A-Z]?[a-z]+|[A-Z]+(?![a-z])| ?[^\w\s]+|\s+|\w"
_EXTRA = (DECLINED, NO_FILE, "diff --git a/", "# Diffs:\n", "ASSISTANT: ", "USER: ")


def train(texts: Iterator[str], phrases: Sequence[str], size: int) -> Any:
    """A `tokenizers.Tokenizer` with `size` entries, trained on `texts`."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_GPT2), "isolated"),
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    fixed = [*phrases, *_EXTRA]
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(fixed) - len(KEYWORDS),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    final = Tokenizer(_with_keywords(json.loads(raw.to_str())["model"]))
    final.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    final.decoder = decoders.ByteLevel()
    final.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    final.add_tokens([AddedToken(text, special=False, normalized=False) for text in fixed])
    return final


def _with_keywords(model: dict[str, Any]) -> Any:
    """The BPE model with a space merged to whole keywords, after every other merge."""
    from tokenizers import models

    vocabulary = dict(model["vocab"])
    merges = [
        tuple(one.split(" ")) if isinstance(one, str) else tuple(one) for one in model["merges"]
    ]
    for word in KEYWORDS:
        if word in vocabulary:
            vocabulary[_SPACE + word] = len(vocabulary)
            merges.append((_SPACE, word))
    return models.BPE(vocab=vocabulary, merges=merges)


def pieces(made: Any) -> tuple[str, ...]:
    """The tokens that are lower-case letters only: what words are made of."""
    return tuple(
        sorted(one for one in made.get_vocab() if one.isascii() and one.isalpha() and one.islower())
    )


def render(messages: Sequence[Message]) -> str:
    """The messages as the chat template writes them, up to where the answer starts."""
    said = "".join(f"<|{one['role']}|>{one['content']}{END}" for one in messages)
    return f"{said}<|assistant|>"


def save(tokenizer: Any, folder: Path) -> None:
    """Write the tokenizer in the form transformers loads."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIAL[0],
        pad_token=SPECIAL[0],
        eos_token=END,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(str(folder))
