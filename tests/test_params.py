"""PARAMS: values for the names in a filter, which are never syntax."""

import pytest

from resp import error, pairs
from vectors import add, name, random_vectors, values

pytestmark = pytest.mark.differs("ours beyond Redis 8")


@pytest.fixture
def films(c):
    titles = ["Heat", "It's", 'a "b" \\', "x' or 1 or '", "$t", ""]
    for i, title in enumerate(titles):
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        c("VADD", "k", *values(1, i), title or "empty", "SETATTR", '{"title":"%s","year":%d,"tags":["t%d","%s"]}' % (escaped, 1990 + i, i, escaped))
    return c, titles


def found(c, expression, *params):
    return set(c("VSIM", "k", *values(1, 0), "COUNT", 100, "FILTER", expression, "PARAMS", len(params), *params))


def test_strings_are_strings(films):
    c, titles = films
    for title in titles:
        expected = {(title or "empty").encode()}
        assert found(c, ".title == $t", "t", title) == expected
        # Asked again and again, a filter is kept: not by its text alone.
        assert found(c, ".title == $t", "t", title) == expected
        assert found(c, ".title == $t", "t", title) == expected
        assert c("VCOUNT", "k", ".title == $t", "PARAMS", 2, "t", title) == 1
        if title:
            assert expected <= found(c, "$t in .tags", "t", title)
            assert found(c, ".title in [$t, $u]", "t", title, "u", "none") == expected
    assert found(c, ".title != $t and startswith(.title, $p)", "t", "none", "p", "x'") == {b"x' or 1 or '"}


def test_numbers_are_numbers(films):
    c, _ = films
    assert len(found(c, ".year >= $from and .year < $to", "from", "1991", "to", "1993.5")) == 3
    assert len(found(c, ".year == $y", "y", "1990")) == 1
    assert len(found(c, ".year in [$a, $b, 7]", "a", "1990", "b", "1995")) == 2
    assert len(found(c, ".year == 1990 + $n", "n", "2")) == 1


def test_options_in_any_order(films):
    c, _ = films
    args = ["PARAMS", 4, "y", 1, "unused", "x", "COUNT", 100, "FILTER", ".year > $y"]
    assert len(c("VSIM", "k", *values(1, 0), *args)) == 6
    assert len(c("VMSIM", 1, "k", *values(1, 0), *args)) == 6
    assert pairs(c("VEXPLAIN", "k", *values(1, 0), *args))["results"] == 6
    assert c("VSIM", "k", *values(1, 0), "FILTER", ".year > $y", "PARAMS", 4, "y", 1, "y", 1994) == [b"empty"]
    assert len(c("VSIM", "k", *values(1, 0), "PARAMS", 0)) == 6
    assert c("VREMBYFILTER", "k", ".year < $y", "PARAMS", 2, "y", "1992") == 2


def test_refused(films):
    c, _ = films
    for args, text in [
        (["FILTER", ".year > $y"], "ERR no value in PARAMS for the parameter $y"),
        (["FILTER", ".year > $y", "PARAMS", 2, "Y", 1], "ERR no value in PARAMS for the parameter $y"),
        (["FILTER", ".year > $", "PARAMS", 2, "y", 1], "ERR syntax error in FILTER expression near: $"),
        (["PARAMS", 3, "a", "b", "c"], "ERR invalid PARAMS"),
        (["PARAMS", 4, "a", "b", "c"], "ERR invalid PARAMS"),
        (["PARAMS", "x", "a", "b"], "ERR invalid PARAMS"),
        (["PARAMS", -2, "a", "b"], "ERR invalid PARAMS"),
        (["PARAMS"], "ERR syntax error in VSIM command"),
        (["FILTER", " or ".join([".title == $t"] * 3000), "PARAMS", 2, "t", "x" * 1000], "ERR invalid PARAMS"),
    ]:
        with error(text):
            c("VSIM", "k", *values(1, 0), *args)
    for command in ("VCOUNT", "VREMBYFILTER"):
        with error("ERR no value in PARAMS for the parameter $y"):
            c(command, "k", ".year > $y")
        for extra in (["PARAMS"], ["WHAT", 1], ["PARAMS", 0, "x"]):
            with error("ERR invalid option"):
                c(command, "k", ".year > 1", *extra)


def test_large_sets_filter_the_same(c):
    add(c, "k", random_vectors(3000, 8, seed=1), attributes=lambda i: '{"i":%d,"s":"v%d"}' % (i, i % 7))
    for _ in range(4):
        for v in range(7):
            hits = c("VSIM", "k", "ELE", name(0), "COUNT", 20, "FILTER", ".s == $v", "PARAMS", 2, "v", f"v{v}")
            assert len(hits) == 20 and all(int(h[1:]) % 7 == v for h in hits)
            assert c("VCOUNT", "k", ".s == $v", "PARAMS", 2, "v", f"v{v}") == len(range(v, 3000, 7))
