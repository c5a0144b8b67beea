"""FILTER: every verified case of the language through the wire, and its effect on the search."""

import json
import pathlib

import pytest

from resp import ReplyError, error
from servers import settle
from vectors import add, cosine, fp32, name, random_vectors, values

CASES = json.loads((pathlib.Path(__file__).parent / "data/filter-cases.json").read_text())
SYNTAX = "ERR syntax error in FILTER expression near: "


# Cases that we answer otherwise on purpose: expression, text that the attributes hold, our answer.
OURS = [
    ("(.nil == null)", "", True),  # null beside an operator
    ("null==.nil", "", True),
    ("!!1", "", True),  # stacked prefix operators
    ("not not 1", "", True),
    ("1e-3 > 0", "", True),  # signed exponents
    ("1e+3 == 1000", "", True),
    *[(e, "", "error") for e in ("1 2 +", "+ 1 2", "0 !", "1 !", ".year 1984 ==", "== .year 1984", "1 2 ==", "5 5 (==)")],
    (".u == 'A'", "u0041", True),  # all JSON escapes are decoded
    (".u == 'u0041'", "u0041", False),
    (".b == 'xby'", r"x\by", False),
    (".a == 1", r"\u0061", True),
    (".obj.k == 1", "", True),  # nested fields
    (".a.b == 1", "a.b", False),
]


def expected(case, server):
    for expression, attributes, answer in OURS:
        if not server.peer and case["expr"] == expression and attributes in case["attrs"]:
            return answer
    return case["match"]


@pytest.mark.differs("8.2 nests arrays less deep")
def test_cases(c, server):
    """All in one test: a server round trip for each would be most of the time of the suite."""
    wrong = []
    c("VADD", "k", *values(1, 0), "bare")
    for case in CASES:
        c("VADD", "k", *values(1, 0), "e", "SETATTR", case["attrs"].encode())
        try:
            got = c("VSIM", "k", *values(1, 0), "FILTER", case["expr"].encode()) == [b"e"]
        except ReplyError as e:
            assert str(e).startswith(SYNTAX)
            got = "error"
        if got != expected(case, server):
            wrong.append((case["attrs"], case["expr"], expected(case, server), got))
    assert not wrong


FILMS = {
    "a": {"year": 1980, "title": "Alpha", "tags": ["x", "y"], "stars": 4.5, "seen": True},
    "b": {"year": 1990, "title": "Beta", "tags": ["y"], "stars": 3, "seen": False},
    "c": {"year": 2000, "title": "Gamma", "tags": [], "stars": None},
    "d": {"title": "Delta", "tags": "xy"},
    "e": "not json",
    "f": None,
}


@pytest.fixture
def films(c):
    for i, (n, attributes) in enumerate(FILMS.items()):
        text = attributes if isinstance(attributes, str) else json.dumps(attributes)
        c("VADD", "k", *values(1, i), n, *([] if attributes is None else ["SETATTR", text]))
    return c


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("1", "abcde"),
        ("0", ""),
        (".year", "abc"),
        (".year > 1985", "bc"),
        (".year >= 1980 and .year < 2000", "ab"),
        (".year == 1980 or .year == 2000", "ac"),
        (".year == 1980 || .title == 'Beta'", "ab"),
        (".year in [1980, 2000]", "ac"),
        (".title in ['Alpha', 'Delta']", "ad"),
        ("'x' in .tags", "ad"),
        ("'y' in .tags and .seen", "a"),
        ("not .seen", "b"),
        ("!.seen", "b"),
        ("not (.year > 1985)", "a"),
        (".stars * 2 > 8", "a"),
        (".year - 1980 == 10", "b"),
        (".year % 100 == 80", "a"),
        ("(.year + 10) / 10 == 200", "b"),
        ("2 ** 3 == 8", "abcde"),
        (".tags", "abcd"),
        (".missing", ""),
        (".missing or 1", ""),
        ("'lta' in .title", "d"),
        (".stars == null ", "c"),
        (".seen == 1", "a"),
        (".title != 'Alpha'", "bcd"),
    ],
)
def test_expressions(films, expression, expected):
    for mode in ([], ["TRUTH"], ["NOTHREAD"], ["FILTER-EF", 1000]):
        assert sorted(films("VSIM", "k", *values(1, 0), "FILTER", expression, *mode)) == [x.encode() for x in expected]


@pytest.mark.parametrize("bad", ["", "(", ")", "1 +", "1 2", "foo", ".a ==", "'open", "[1", "1 = 1", "true", "@", ".a &", "1 AND 1", "5 in [,5]"])
def test_syntax_errors(films, bad):
    with error(SYNTAX, prefix=True):
        films("VSIM", "k", *values(1, 0), "FILTER", bad)
    assert len(films("VSIM", "k", *values(1, 0))) == 6


@pytest.mark.differs("refuses these")
@pytest.mark.parametrize("expression", ["(.stars == null)", "null==.stars", "!!.year", "not not .year", "1e-3 > 0 and .year"])
def test_more_is_accepted(films, expression):
    assert films("VSIM", "k", *values(1, 0), "FILTER", expression)


@pytest.mark.differs("accepts these")
@pytest.mark.parametrize("expression", ["1 2 +", "+ 1 2", ".year 1984 ==", b"1\0garbage((("])
def test_less_is_accepted(films, expression):
    with error(SYNTAX, prefix=True):
        films("VSIM", "k", *values(1, 0), "FILTER", expression)


def test_deep_nesting_and_length(films):
    n = 2000
    assert len(films("VSIM", "k", *values(1, 0), "FILTER", "(" * n + "1" + ")" * n)) == 5
    assert len(films("VSIM", "k", *values(1, 0), "FILTER", " and ".join(["1"] * n))) == 5
    films.pipeline([["VSIM", "k", *values(1, 0), "FILTER", x * 20_000] for x in ("(", "!", "not ", "1+", "[", "2**")])
    assert films("PING") == "PONG"


@pytest.fixture
def many(c):
    vectors = random_vectors(3000, 16, seed=1)
    add(c, "k", vectors, attributes=lambda i: '{"i":%d}' % i)
    return c, vectors


@pytest.mark.parametrize("share", [1, 2, 10])
def test_recall_with_a_filter(many, share):
    c, vectors = many
    hits = 0
    for q in random_vectors(30, 16, seed=2):
        order = (-cosine(vectors, q)).argsort()
        truth = [name(i) for i in order if i % share == 0][:10]
        got = c("VSIM", "k", "FP32", fp32(q), "FILTER", f".i % {share} == 0")
        assert all(int(n[1:]) % share == 0 for n in got)
        hits += len(set(got) & set(truth))
    assert hits / 300 > 0.9


@pytest.mark.differs("gives up after COUNT x 100 candidates")
def test_rare_matches_are_found(many):
    c, _ = many
    for q in random_vectors(30, 16, seed=3):
        got = c("VSIM", "k", "FP32", fp32(q), "COUNT", 3, "FILTER", ".i in [7, 1500, 2999]")
        assert sorted(got) == [b"e1500", b"e2999", b"e7"]


def test_filter_ef_bounds_the_effort(many):
    c, vectors = many
    settle(c)  # elements that wait for their links are compared in any case
    query = ["VSIM", "k", "FP32", fp32(-vectors[7]), "FILTER", ".i == 7"]
    assert c(*query, "FILTER-EF", 1) == []
    assert c(*query, "FILTER-EF", 100_000) == [b"e7"]
    assert c(*query, "TRUTH", "FILTER-EF", 1) == [b"e7"]
    few = c("VSIM", "k", "FP32", fp32(vectors[0]), "FILTER", ".i % 500 == 250", "FILTER-EF", 3)
    assert len(few) < 6


@pytest.mark.differs("cut to 32 bits")
@pytest.mark.parametrize("n", [2**32 + 1, 2**32, 2**63 - 1])
def test_filter_ef_is_not_truncated(many, n):
    c, vectors = many
    assert c("VSIM", "k", "FP32", fp32(-vectors[7]), "FILTER", ".i == 7", "FILTER-EF", n) == [b"e7"]


def test_attributes_may_change(many):
    c, vectors = many
    query = ["VSIM", "k", "FP32", fp32(vectors[5]), "COUNT", 1, "FILTER", ".new == 'yes'"]
    assert c(*query) == []
    c("VSETATTR", "k", "e5", '{"new":"yes"}')
    assert c(*query) == [b"e5"]
    c("VADD", "k", "FP32", fp32(vectors[5]), "e5")
    assert c(*query) == [b"e5"]
    c("VSETATTR", "k", "e5", "")
    assert c(*query) == []
