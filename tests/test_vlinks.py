"""VLINKS: levels, capacity, reciprocity, scores."""

import pytest

from resp import error, floats
from servers import settle
from vectors import add, cosine, name, random_vectors, values


def test_missing_and_errors(c):
    assert c("VLINKS", "k", "e") is None
    c("VADD", "k", *values(1), "e")
    assert c("VLINKS", "k", "none") is None
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VLINKS", "s", "e")
    for args in (["e", "WHAT"], ["e", "WITHSCORES", "WITHSCORES"], []):
        with error("ERR wrong number of arguments for 'VLINKS' command"):
            c("VLINKS", "k", *args)


def test_alone(c):
    c("VADD", "k", *values(1), "e")
    levels = c("VLINKS", "k", "e")
    assert levels and not any(levels)


@pytest.mark.parametrize("m", [4, 16])
def test_links_go_both_ways(c, m):
    add(c, "k", random_vectors(600, 10, seed=1), "M", m)
    settle(c)
    links = {name(i): c("VLINKS", "k", name(i))[::-1] for i in range(600)}  # level 0 first
    for e, levels in links.items():
        assert levels[0]
        for level, neighbours in enumerate(levels):
            assert e not in neighbours
            assert len(set(neighbours)) == len(neighbours) <= (3 * m if level == 0 else 2 * m)
            for other in neighbours:
                assert e in links[other][level]


def test_every_element_can_be_reached(c):
    add(c, "k", random_vectors(1000, 10, seed=2))
    settle(c)
    seen, todo = {b"e0"}, [b"e0"]
    while todo:
        new = set(c("VLINKS", "k", todo.pop())[-1]) - seen
        seen |= new
        todo += new
    assert len(seen) == 1000


@pytest.mark.parametrize("quant, tolerance", [("NOQUANT", 1e-6), ("Q8", 0.01)])
def test_scores(c, quant, tolerance):
    vectors = random_vectors(100, 10, seed=3)
    add(c, "k", vectors, quant)
    for i in range(0, 100, 9):
        exact = cosine(vectors, vectors[i])
        for flat in c("VLINKS", "k", name(i), "withscores"):
            assert floats(flat[1::2]) == pytest.approx([exact[int(e[1:])] for e in flat[::2]], abs=tolerance)


def test_a_new_element_has_at_most_m_links(c):
    add(c, "k", random_vectors(100, 8, seed=4), "M", 8)
    c("VADD", "k", *values(*range(1, 9)), "new", "M", 8)
    for level in c("VLINKS", "k", "new"):
        assert len(level) <= 8
