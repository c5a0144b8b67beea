"""VSETATTR, VGETATTR and attributes in the replies of VSIM."""

import json

import pytest

from resp import error, pairs
from vectors import add, random_vectors, values

WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


def count(c):
    return pairs(c("VINFO", "k"))["attributes-count"]


def test_set_get_clear(c):
    c("VADD", "k", *values(1, 2), "e")
    assert (c("VGETATTR", "k", "e"), count(c)) == (None, 0)
    assert c("VSETATTR", "k", "e", '{"a":1}') == 1
    assert (c("VGETATTR", "k", "e"), count(c)) == (b'{"a":1}', 1)
    assert c("VSETATTR", "k", "e", '{"a":1}') == 1  # also when nothing changes
    assert c("VSETATTR", "k", "e", '{"a":2}') == 1
    assert (c("VGETATTR", "k", "e"), count(c)) == (b'{"a":2}', 1)
    assert c("VSETATTR", "k", "e", "") == 1
    assert (c("VGETATTR", "k", "e"), count(c)) == (None, 0)
    assert c("VSETATTR", "k", "e", "") == 1
    assert count(c) == 0


@pytest.mark.parametrize("blob", [b"not json", b"\x00\xff", b"[1,2]", b'{"a":', b"x" * 300_000, b" "])
def test_kept_verbatim(c, blob):
    c("VADD", "k", *values(1, 2), "e", "SETATTR", blob)
    assert c("VGETATTR", "k", "e") == blob
    assert c("VSETATTR", "k", "e", blob + b"!") == 1
    assert c("VSIM", "k", "ELE", "e", "WITHATTRIBS") == [b"e", blob + b"!"]
    c("DEBUG", "RELOAD")
    assert c("VGETATTR", "k", "e") == blob + b"!"


def test_missing_and_errors(c):
    assert c("VSETATTR", "k", "e", "{}") == 0
    assert c("VGETATTR", "k", "e") is None
    assert c("EXISTS", "k") == 0
    c("VADD", "k", *values(1, 2), "e")
    assert c("VSETATTR", "k", "none", "{}") == 0
    assert c("VGETATTR", "k", "none") is None
    c("SET", "s", "x")
    for command, *more in (["VSETATTR", "{}"], ["VGETATTR"]):
        with error(WRONGTYPE):
            c(command, "s", "e", *more)
        with error(f"ERR wrong number of arguments for '{command}' command"):
            c(command, "k", "e", "x", "y")


def test_removal_counts(c):
    add(c, "k", random_vectors(20, 4, seed=1), attributes=lambda i: json.dumps({"i": i}) if i % 2 else "x")
    assert count(c) == 20
    for i in range(10):
        c("VREM", "k", f"e{i}")
    assert count(c) == 10
    c("VADD", "k", *values(1, 2, 3, 4), "e0")
    assert count(c) == 10


def test_with_attribs(c):
    c("VADD", "k", *values(1, 0), "a", "SETATTR", '{"x":1}')
    c("VADD", "k", *values(0, 1), "b")
    query = ["VSIM", "k", *values(1, 0)]
    assert c(*query, "WITHATTRIBS") == [b"a", b'{"x":1}', b"b", None]
    with_both = [b"a", b"1", b'{"x":1}', b"b", b"0.5", None]
    assert c(*query, "WITHSCORES", "WITHATTRIBS") == with_both
    assert c(*query, "WITHATTRIBS", "WITHSCORES") == with_both
