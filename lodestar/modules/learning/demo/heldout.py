"""Code shapes the model never sees in training, written by hand: the evaluation's new shapes.

`«0»` is the function to rename and occurs as code; `‹0›` is its name in a string or a comment.
"""

import re
from random import Random

from lodestar.modules.learning.demo.programs import Program

_PLACE = re.compile(r"[«‹](C?\d+)[»›]")

SHAPES = (
    'def «0»(«1»):\n    print(f"Hello, {«1»}!")\n\n\nif __name__ == "__main__":\n'
    '    «0»("World")\n',
    "def «0»(«1», «2»):\n    if «1» > «2»:\n        return «1»\n    return «2»\n\n\n"
    "print(«0»(3, 4))\n",
    "def «0»(«1»):\n    match «1»:\n        case 0:\n            return None\n"
    "        case _:\n            return «0»(«1» - 1)\n",
    "def «0»(«1»):\n    if («2» := len(«1»)) > 10:\n        return «2»\n    return 0\n"
    "\n\ndef «3»(«4»):\n    return «0»(«4») + 1\n",
    "import argparse\n\n\ndef «0»():\n    «1» = argparse.ArgumentParser()\n"
    '    «1».add_argument("--name", default="x")\n    «2» = «1».parse_args()\n'
    '    print(«2».name)\n\n\nif __name__ == "__main__":\n    «0»()\n',
    "from dataclasses import dataclass\n\n\n@dataclass\nclass «C1»:\n    «2»: int\n"
    '    «3»: str = ""\n\n    def «0»(self):\n        return self.«2» * 2\n\n\n'
    "«4» = «C1»(1)\nprint(«4».«0»())\n",
    "def «0»(«1»):\n    if «1» <= 1:\n        return 1\n    return «1» * «0»(«1» - 1)\n",
    "def «0»(«1», «2»):\n    while «2»:\n        «1», «2» = «2», «1» % «2»\n"
    "    return «1»\n\n\ndef «3»(«4», «5»):\n    return «4» * «5» // «0»(«4», «5»)\n",
    "import unittest\n\n\ndef «0»(«1»):\n    return «1» + 1\n\n\n"
    "class «C2»(unittest.TestCase):\n    def test_one(self):\n"
    "        self.assertEqual(«0»(1), 2)\n\n    def test_two(self):\n"
    '        self.assertEqual(«0»(-1), 0)\n\n\nif __name__ == "__main__":\n'
    "    unittest.main()\n",
    "def «0»(«1»):\n    «2» = {}\n    for «3» in «1».split():\n"
    "        «2»[«3»] = «2».get(«3», 0) + 1\n    return «2»\n\n\n"
    'print(sorted(«0»("a b a").items(), key=lambda pair: pair[1], reverse=True))\n',
    "class «C1»:\n    def __init__(self):\n        self.items = []\n\n"
    "    def «0»(self, «2»):\n        self.items.append(«2»)\n        return self\n\n"
    "    def __len__(self):\n        return len(self.items)\n\n\n«3» = «C1»()\n"
    "«3».«0»(1).«0»(2)\nprint(len(«3»))\n",
    "def «1»(func):\n    def wrapper(*args, **kwargs):\n"
    "        return func(*args, **kwargs)\n\n    return wrapper\n\n\n@«1»\n"
    "def «0»(«2», *, «3»=None):\n    return «2» or «3»\n",
    "import functools\n\n\n@functools.lru_cache(maxsize=None)\ndef «0»(«1»):\n"
    "    return «1» if «1» < 2 else «0»(«1» - 1) + «0»(«1» - 2)\n\n\n"
    "print([«0»(«2») for «2» in range(10)])\n",
    "def «0»(«1»):\n    for «2» in «1»:\n        yield «2» ** 2\n\n\ndef «3»(«4»):\n"
    "    yield from «0»(«4»)\n\n\nfor «5» in «3»([1, 2, 3]):\n    print(«5»)\n",
    "COUNT = 0\n\n\ndef «0»():\n    global COUNT\n    COUNT += 1\n    return COUNT\n\n"
    "\n«0»()\n«0»()\nprint(COUNT)\n",
    'def «0»(«1»: list[int]) -> dict[str, int]:\n    """Summarise the numbers.\n\n'
    '    Args:\n        «1»: what ‹0› works on.\n    """\n'
    '    return {"min": min(«1»), "max": max(«1»)}\n',
    "import sys\n\n\ndef «1»(«2»):\n    with open(«2») as handle:\n"
    '        return handle.read()\n\n\ndef «0»(«3»):\n    """Count the words."""\n'
    "    return len(«3».split())\n\n\ndef «4»():\n    for path in sys.argv[1:]:\n"
    "        print(path, «0»(«1»(path)))\n\n\n«4»()\n",
    "def «1»(«2»):\n    return «2»\n\n\ndef «0»(«3»):\n    return «3»\n\n\n"
    'HANDLERS = {\n    "a": «1»,\n    "b": «0»,\n}\nprint(HANDLERS["b"](1))\n',
    'def «0»(«1»):\n    """Convert Celsius to Fahrenheit."""\n'
    "    return «1» * 9 / 5 + 32\n\n\ndef «2»(«3»):\n"
    "    return [«0»(«4») for «4» in «3» if «4» is not None]\n",
    "async def «0»(«1»):\n    async with «1» as session:\n"
    '        return await session.get("/")\n\n\nasync def «2»():\n'
    "    «3» = await «0»(None)\n    return «3»\n",
    "def «0»(«1», «2»=10, *«3», **«4»):\n    first, *rest = «3»\n"
    "    return first, rest, «4»\n\n\nprint(«0»(1, 2, 3, key=4))\n",
    "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nelse:\n"
    '    print("ok")\n\n\ndef «0»(«1»):\n    return 0 < «1» <= 10 and not numpy\n\n\n'
    "assert «0»(5)\nassert not «0»(11)\n",
    "class «C1»:\n    def __enter__(self):\n        return self\n\n"
    "    def __exit__(self, *args):\n        return False\n\n\ndef «0»():\n"
    "    with «C1»() as one, «C1»() as two:\n        return one, two\n",
    "def «0»(«1»):\n    «2» = «1»[:]\n    for i in range(len(«2»)):\n"
    "        for j in range(len(«2») - i - 1):\n            if «2»[j] > «2»[j + 1]:\n"
    "                «2»[j], «2»[j + 1] = «2»[j + 1], «2»[j]\n    return «2»\n\n\n"
    "print(«0»([3, 1, 2]))\n",
    "def «0»(«1»):\n    # ‹0› is slow\n    total = 0\n    for row in «1»:\n"
    "        for cell in row:\n            total += cell\n    return total\n\n\n"
    "def «2»(«1»):\n    return «0»(«1») / max(len(«1»), 1)\n\n\n"
    "print(«2»([[1, 2], [3]]))\n",
    "def «0»(a, b):\n    return a + b\n\n\ndef «1»(a, b):\n    return a - b\n\n\n"
    "def «2»(a, b):\n    return a * b\n\n\nprint(«0»(1, 2))\nprint(«1»(1, 2))\n"
    "print(«2»(1, 2))\n",
)


def generate(rng: Random, size: int) -> Program:
    """One of the held-out shapes; `size` is ignored."""
    shape = rng.choice(SHAPES)
    return numbered(shape)


def numbered(shape: str) -> Program:
    """The shape as a program: class marks become plain numbers with the role class."""
    roles: dict[int, str] = {}
    for found in _PLACE.findall(shape):
        kind = "class" if found.startswith("C") else "function" if found == "0" else "variable"
        roles[int(found.removeprefix("C"))] = kind
    return Program(shape.replace("«C", "«"), dict(sorted(roles.items())), 0)
