"""VRANDMEMBER: counts, distinctness, uniformity."""

import collections

import numpy as np
import pytest

from resp import error
from vectors import add, name, random_vectors, values


def test_missing_and_errors(c):
    assert c("VRANDMEMBER", "k") is None
    assert c("VRANDMEMBER", "k", 3) == []
    assert c("VRANDMEMBER", "k", -3) == []
    c("SET", "s", "x")
    for args in ([], [1], [-1]):
        with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
            c("VRANDMEMBER", "s", *args)
    for bad in ("x", "1.5", "", 2**63):
        with error("ERR COUNT value is not an integer"):
            c("VRANDMEMBER", "k", bad)
    with error("ERR wrong number of arguments for 'VRANDMEMBER' command"):
        c("VRANDMEMBER", "k", 1, 1)


def test_counts(c):
    add(c, "k", random_vectors(50, 4, seed=1))
    everyone = {name(i) for i in range(50)}
    assert c("VRANDMEMBER", "k") in everyone
    assert c("VRANDMEMBER", "k", 0) == []
    for n in (1, 5, 10, 11, 25, 49, 50, 51, 1000, 2**63 - 1):
        got = c("VRANDMEMBER", "k", n)
        assert len(got) == len(set(got)) == min(n, 50)
        assert set(got) <= everyone
    for n in (1, 50, 500):
        got = c("VRANDMEMBER", "k", -n)
        assert len(got) == n
        assert set(got) <= everyone


def test_zero_of_another_type(c):
    c("SET", "s", "x")
    assert c("VRANDMEMBER", "s", 0) == []


@pytest.mark.differs("8.2 has no check, a huge negative count never ends")
@pytest.mark.parametrize("n", [-(2**63), -(2**63) + 1, -(2**40), -10_000_001])
def test_absurd_counts(c, server, n):
    if server.peer:
        pytest.xfail("would hang")
    c("VADD", "k", *values(1), "e")
    with error("ERR COUNT value is out of range"):
        c("VRANDMEMBER", "k", n)


@pytest.mark.differs("a random walk favours some elements")
@pytest.mark.parametrize("draw", [None, 1, 5, 15, -10])
def test_uniform(c, draw):
    """Chi-square over 30 elements: the mean is 29, and by chance it passes 100 once in about 10^9 runs."""
    add(c, "k", random_vectors(30, 4, seed=2), "M", 4)
    for i in range(0, 40, 4):
        c("VREM", "k", name(i))
        c("VADD", "k", *values(i, 1, 2, 3), f"x{i}", "M", 4)
    names = c("VRANDMEMBER", "k", 100)
    hits = collections.Counter()
    args = [] if draw is None else [draw]
    for reply in c.pipeline([["VRANDMEMBER", "k", *args]] * (6000 // abs(draw or 1))):
        hits.update([reply] if draw is None else reply)
    expected = sum(hits.values()) / len(names)
    assert sum((hits[n] - expected) ** 2 / expected for n in names) < 100


@pytest.mark.differs("may hang on a disconnected graph")
def test_clusters(c, server):
    if server.peer:
        pytest.xfail("may hang")
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((6, 8))[np.arange(54) % 6] + 0.001 * rng.standard_normal((54, 8))
    add(c, "k", vectors, "M", 4, "EF", 8)
    for _ in range(100):
        assert len(set(c("VRANDMEMBER", "k", 10))) == 10


def test_both_of_two_turn_up(c):
    c("VADD", "k", *values(1, 2), "a")
    c("VADD", "k", *values(2, 1), "b")
    assert {c("VRANDMEMBER", "k") for _ in range(100)} == {b"a", b"b"}
