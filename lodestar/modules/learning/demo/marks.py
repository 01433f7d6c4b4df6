"""Names in generated code are marks until the end, so that a rename is exact by construction.

`«3»` is identifier 3 used as code; `‹3›` is the same name inside a string or a comment, which a
rename leaves alone.
"""

import re
from collections.abc import Mapping

_CODE = re.compile("«(\\d+)»")
_TEXT = re.compile("‹(\\d+)›")


def code(key: int) -> str:
    """The mark of an identifier used as code."""
    return f"«{key}»"


def text(key: int) -> str:
    """The mark of an identifier mentioned in a string or a comment."""
    return f"‹{key}›"


def fill(template: str, names: Mapping[int, str], renamed: Mapping[int, str] | None = None) -> str:
    """Replace the marks by names; `renamed` overrides the code marks only."""
    code_names = {**names, **(renamed or {})}
    filled = _CODE.sub(lambda found: code_names[int(found[1])], template)
    return _TEXT.sub(lambda found: names[int(found[1])], filled)


def uses(template: str, key: int) -> int:
    """How often identifier `key` occurs as code."""
    return template.count(code(key))
