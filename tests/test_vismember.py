"""VISMEMBER."""

from resp import error
from vectors import values


def test_membership(c):
    assert c("VISMEMBER", "k", "e") == 0
    c("VADD", "k", *values(1), "e")
    assert c("VISMEMBER", "k", "e") == 1
    assert c("VISMEMBER", "k", "E") == 0
    assert c("VISMEMBER", "k", "") == 0
    c("VREM", "k", "e")
    assert c("VISMEMBER", "k", "e") == 0


def test_errors(c):
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VISMEMBER", "s", "e")
    for args in (["k"], ["k", "e", "f"]):
        with error("ERR wrong number of arguments for 'VISMEMBER' command"):
            c("VISMEMBER", *args)
