"""VRANGE: bounds, order, paging."""

import random

import pytest

from resp import error
from vectors import values

pytestmark = pytest.mark.differs("8.2 has no VRANGE")


@pytest.fixture
def letters(c):
    for n in ["b", "a", "", "abc", "ab", "B", b"\xff", b"a\x00", "c"]:
        c("VADD", "k", *values(1, 2), n)
    return c


ORDER = [b"", b"B", b"a", b"a\x00", b"ab", b"abc", b"b", b"c", b"\xff"]


@pytest.mark.parametrize(
    "args, expected",
    [
        (["-", "+"], ORDER),
        (["-", "+", -1], ORDER),
        (["-", "+", -(2**63)], ORDER),
        (["-", "+", 2**63 - 1], ORDER),
        (["-", "+", 0], []),
        (["-", "+", 3], ORDER[:3]),
        (["[a", "+"], ORDER[2:]),
        (["(a", "+", 2], [b"a\x00", b"ab"]),
        (["[a", "[b"], ORDER[2:7]),
        (["(a", "(b"], ORDER[3:6]),
        (["[aa", "[az"], [b"ab", b"abc"]),
        (["-", "(B"], [b""]),
        (["[c", "[a"], []),
        (["(a", "(a"], []),
        (["[a", "(a"], []),
        (["[a", "[a"], [b"a"]),
        ([b"(\xff", "+"], []),
    ],
)
def test_ranges(letters, args, expected):
    assert letters("VRANGE", "k", *args) == expected


def test_missing_and_errors(c):
    assert c("VRANGE", "k", "-", "+") == []
    c("SET", "k", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VRANGE", "k", "-", "+")
    for args in (["-"], ["-", "+", "1", "2"]):
        with error("ERR wrong number of arguments for 'VRANGE' command"):
            c("VRANGE", "k", *args)
    with error("ERR invalid COUNT value"):
        c("VRANGE", "k", "x", "y", "z")
    for start in ("x", "", "[", "("):
        with error("ERR invalid start range format"):
            c("VRANGE", "k", start, "y")
    for end in ("x", "", "[", "("):
        with error("ERR invalid end range format"):
            c("VRANGE", "k", "-", end)
    for bounds in (["+", "+"], ["-", "-"], ["+", "-"]):
        with error("ERR '-' can only be used as first argument, '+' only as second"):
            c("VRANGE", "k", *bounds)


def test_paging_while_the_set_changes(c):
    rng = random.Random(1)
    names = sorted({b"%x" % rng.getrandbits(32) for _ in range(1000)})
    c.pipeline(["VADD", "k", *values(1, i), n] for i, n in enumerate(rng.sample(names, len(names))))
    seen, start = [], b"-"
    while page := c("VRANGE", "k", start, "+", 37):
        seen += page
        start = b"(" + page[-1]
        c("VREM", "k", page[0])
    assert seen == names
