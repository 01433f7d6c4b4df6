"""What is another each time a picture is taken, replaced by something of the same length."""

from __future__ import annotations

import re

SHOWN_HOME = "/home/ann"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = re.compile(r"\b01[0-9A-Za-z]{24}\b")
SHORT = re.compile(r"(?<=\()[0-9a-z]{8}(?=\))|^[0-9a-z]{8}(?=  20\d\d-)")
CLOCK = re.compile(r"\b(?!00:00)\d\d:\d\d(:\d\d)?\b")
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
DAY = re.compile(r"\b\d\d [A-Z][a-z]{2} 20\d\d\b")
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")
PID = re.compile(r"(?<=\bpid )\d+")


def masked(line: str, home: str) -> str:
    """The line as if it were always the same machine and minute."""
    line = line.replace(home, SHOWN_HOME)
    line = ULID.sub("01KXM3K7Q2WDV5R8T4N6P9HJBC", line)
    line = SHORT.sub("m3k7q2wd", line)
    line = CLOCK.sub(lambda found: "14:05:30"[: len(found[0])], line)
    line = DATE.sub("2026-03-14", line)
    line = DAY.sub("14 Mar 2026", line)
    line = PORT.sub(lambda found: "40100"[: len(found[0])], line)
    return PID.sub(lambda found: "1234567"[: len(found[0])], line)
