"""VSIM: arguments, scores, bounds on the answer, and how many of the true nearest it finds."""

import numpy as np
import pytest

from resp import error, floats, scores
from servers import settle
from vectors import add, cosine, fp32, name, nearest, random_vectors, recall, values, words

ARITY = "ERR wrong number of arguments for 'VSIM' command"
SPEC = "ERR invalid vector specification"
SYNTAX = "ERR syntax error in VSIM command"

REFUSED = [
    (["VALUES", "x", 1, 2], SPEC),
    (["VALUES", 0, 1], SPEC),
    (["VALUES", 3, 1, 2], SPEC),
    (["VALUES", 2, 1, "nan"], SPEC),
    (["VALUES", 2, 1, "x"], SPEC),
    (["FP32", b""], SPEC),
    (["FP32", b"12345"], SPEC),
    (["WHAT", 2, 1, 2], SPEC),
    (["REDUCE", 2, "VALUES", 2, 1, 2], SPEC),
    *[(["ELE", "e", "COUNT", n], "ERR invalid COUNT") for n in (0, -1, "x", "1.5", 2**63)],
    *[(["ELE", "e", "EF", n], "ERR invalid EF") for n in (0, -1, "x")],
    *[(["ELE", "e", "EPSILON", n], "ERR invalid EPSILON") for n in (0, -1, "x", "nan", "")],
    *[(["ELE", "e", "FILTER-EF", n], "ERR invalid FILTER-EF") for n in (0, -1, "x")],
    *[(["ELE", "e", o], SYNTAX) for o in ("COUNT", "EPSILON", "EF", "FILTER", "FILTER-EF", "WHAT", "")],
    (["ELE", "e", "COUNT", 0, "EF", 0], "ERR invalid COUNT"),
    (["ELE", "e", "EF", 0, "COUNT", 0], "ERR invalid EF"),
    (["ELE", "e", "EF", 0, "EF", 1], "ERR invalid EF"),
]


@pytest.mark.parametrize("case", REFUSED, ids=range(len(REFUSED)))
def test_refused(c, case):
    c("VADD", "k", *values(1, 2), "e")
    args, text = case
    with error(text):
        c("VSIM", "k", *args)


def test_order_of_checks(c):
    with error(ARITY):
        c("VSIM", "k", "ELE")
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VSIM", "s", "ELE", "e", "COUNT", 0)
    c("VADD", "k", *values(1, 2), "e")
    with error("ERR element not found in set"):
        c("VSIM", "k", "ELE", "none", "COUNT", 0)
    with error("ERR Vector dimension mismatch - got 3 but set has 2"):
        c("VSIM", "k", *values(1, 2, 3), "COUNT", 0)


@pytest.mark.differs("arguments are not looked at when the key is missing")
def test_arguments_are_checked_without_a_key(c):
    assert c("VSIM", "k", *values(1, 2)) == []
    assert c("VSIM", "k", "ELE", "e", "WITHSCORES", "FILTER", ".x > 1", "COUNT", 3) == []
    for args, text in [([*values(1), "COUNT", 0], "ERR invalid COUNT"), (["WHAT", "a", "b"], SPEC), ([*values(1), "x"], SYNTAX)]:
        with error(text):
            c("VSIM", "k", *args)


@pytest.mark.differs("non-finite numbers are accepted")
@pytest.mark.parametrize("bad", ["inf", "1e39"])
def test_infinite_query(c, bad):
    c("VADD", "k", *values(1, 2), "e")
    with error(SPEC):
        c("VSIM", "k", "VALUES", 2, 1, bad)
    with error(SPEC):
        c("VSIM", "k", "FP32", fp32([1, float("nan")]))


@pytest.fixture
def small(c):
    """Directions around the half circle; scores of a query along the first: 1, 0.85, 0.5, 0.15, 0."""
    for n, v in dict(a=(1, 0), b=(1, 1), c=(0, 1), d=(-1, 1), e=(-1, 0)).items():
        c("VADD", "k", *values(*v), n, "NOQUANT")
    return c


def test_nearest_first_with_scores(small):
    got = small("VSIM", "k", *values(5, 0), "WITHSCORES")
    assert got[::2] == [b"a", b"b", b"c", b"d", b"e"]
    assert floats(got[1::2]) == pytest.approx([1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)
    assert small("VSIM", "k", "FP32", fp32([5, 0])) == got[::2]


def test_count(small):
    assert small("VSIM", "k", *values(1, 0), "COUNT", 2) == [b"a", b"b"]
    assert small("VSIM", "k", *values(1, 0), "COUNT", 4, "COUNT", 1) == [b"a"]


@pytest.mark.differs("8.2 has no limit on EF and crashes on a huge COUNT")
def test_large_numbers(small):
    assert len(small("VSIM", "k", *values(1, 0), "EF", 1000000)) == 5
    with error("ERR invalid EF"):
        small("VSIM", "k", *values(1, 0), "EF", 1000001)
    for n in (2**31, 2**32 + 1, 2**63 - 1):
        assert len(small("VSIM", "k", *values(1, 0), "COUNT", n)) == 5
        assert len(small("VSIM", "k", *values(1, 0), "COUNT", n, "TRUTH")) == 5


@pytest.mark.parametrize("epsilon, n", [("0.1", 1), ("0.2", 2), ("0.6", 3), ("0.9", 4), ("1", 5), ("2", 5), ("inf", 5), ("1e-9", 1)])
@pytest.mark.parametrize("mode", [[], ["TRUTH"], ["NOTHREAD"]], ids=["graph", "truth", "nothread"])
def test_epsilon(small, server, epsilon, n, mode):
    if server.peer and server.version < (8, 4) and mode == ["TRUTH"]:
        pytest.xfail("8.2 ignores EPSILON with TRUTH")
    assert len(small("VSIM", "k", *values(1, 0), "EPSILON", epsilon, *mode)) == n


def test_tokens_in_any_case(small):
    got = small("vsim", "k", "ele", "a", "withscores", "Count", 2, "ef", 50, "truth", "nothread", "epsilon", 2, "WithAttribs")
    assert got[::3] == [b"a", b"b"]


def test_element_named_like_an_option(c):
    c("VADD", "k", *values(1, 2), "COUNT")
    assert c("VSIM", "k", "ELE", "COUNT") == [b"COUNT"]


@pytest.mark.parametrize("dim", [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 128, 256, 384, 512, 768, 1536])
def test_kernels(c, dim):
    """Self, opposite and orthogonal vectors in all encodings, for every width of the distance code."""
    base = np.random.default_rng(dim).choice([-1.0, 1.0], dim)
    other = base * np.where(np.arange(dim) % 2, -1, 1)  # half of the signs turned
    for quant, self_at_least in (("NOQUANT", 1 - 1e-5), ("Q8", 0.99), ("BIN", 0.999)):
        k = f"k{quant}"
        c("VADD", k, "FP32", fp32(base), "self", quant)
        c("VADD", k, "FP32", fp32(-base), "opposite", quant)
        c("VADD", k, "FP32", fp32(other), "half", quant)
        got = scores(c("VSIM", k, "FP32", fp32(base), "WITHSCORES"))
        assert got[b"self"] >= self_at_least
        assert got[b"opposite"] < 0.01
        if dim > 1:
            expected = (1 + base @ other / dim) / 2
            assert got[b"half"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("dim", [3, 100, 384])
@pytest.mark.parametrize("quant, tolerance", [("NOQUANT", 2e-6), ("Q8", 0.01)])
def test_scores_are_cosines(c, dim, quant, tolerance):
    vectors = random_vectors(100, dim, seed=dim)
    add(c, "k", vectors, quant)
    query = random_vectors(1, dim, seed=7)[0]
    got = scores(c("VSIM", "k", "FP32", fp32(query), "COUNT", 100, "WITHSCORES"))
    exact = cosine(vectors, query)
    assert len(got) == 100
    for i in range(100):
        assert got[name(i)] == pytest.approx(exact[i], abs=tolerance)


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_scores_stay_in_range(c, quant):
    vectors = random_vectors(300, 33, seed=2)
    add(c, "k", np.concatenate([vectors, -vectors]), quant)
    for v in vectors[:50]:
        got = floats(c("VSIM", "k", "FP32", fp32(v), "COUNT", 600, "WITHSCORES")[1::2])
        if quant != "NOQUANT":  # upstream's f32 leaves the range by rounding
            assert 0 <= min(got) and max(got) <= 1
        assert got == sorted(got, reverse=True)


@pytest.mark.differs("scores leave [0, 1]")
def test_f32_scores_are_clamped(c):
    vectors = random_vectors(300, 33, seed=2)
    add(c, "k", np.concatenate([vectors, -vectors]), "NOQUANT")
    for v in vectors:
        got = floats(c("VSIM", "k", "FP32", fp32(v), "COUNT", 600, "WITHSCORES")[1::2])
        assert 0 <= min(got) and max(got) <= 1


def test_element_query_is_its_stored_vector(c):
    add(c, "k", random_vectors(200, 24, seed=3))
    for i in range(0, 200, 20):
        got = c("VSIM", "k", "ELE", name(i), "WITHSCORES")
        assert got[0] == name(i)
        assert float(got[1]) > 0.999
        stored = floats(c("VEMB", "k", name(i)))
        other = scores(c("VSIM", "k", *values(*stored), "WITHSCORES"))
        assert scores(got) == pytest.approx(other, abs=2e-3)


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8"])
def test_truth_is_exact(c, quant):
    vectors = random_vectors(2000, 20, seed=4)
    add(c, "k", vectors, quant, "EF", 20)
    for query in random_vectors(20, 20, seed=5):
        got = c("VSIM", "k", "FP32", fp32(query), "COUNT", 20, "TRUTH")
        expected = nearest(vectors, query, 20)
        if quant == "NOQUANT":
            assert got == expected
        else:
            assert len(set(got) & set(expected)) >= 18


@pytest.mark.parametrize("quant, at_least", [("NOQUANT", 0.93), ("Q8", 0.92)])
def test_recall_on_words(c, quant, at_least):
    names, vectors = words()
    names, vectors = names[:5000], vectors[:5000]
    c.pipeline(["VADD", "k", "FP32", fp32(v), n, quant] for n, v in zip(names, vectors))
    assert recall(c, "k", vectors, vectors[::50], 10, names=names) >= at_least
    assert recall(c, "k", vectors, vectors[::50], 10, "EF", 500, names=names) >= at_least + 0.03


def test_more_effort_finds_more(c):
    vectors = random_vectors(3000, 64, seed=6)
    add(c, "k", vectors)
    settle(c)  # elements that wait for their links are compared in any case
    queries = random_vectors(50, 64, seed=7)
    low, high = (recall(c, "k", vectors, queries, 10, "EF", ef) for ef in (10, 600))
    assert low < high and high > 0.9


@pytest.mark.differs("the candidate queue is capped")
def test_count_of_all_finds_all(c):
    add(c, "k", random_vectors(4000, 8, seed=8))
    assert len(set(c("VSIM", "k", *values(*range(1, 9)), "COUNT", 4000))) == 4000


@pytest.mark.differs("some elements cannot be reached")
def test_every_element_is_reachable(c):
    rng = np.random.default_rng(9)
    for round in range(20):
        k = f"k{round}"
        centres = rng.standard_normal((6, 8))
        vectors = centres[rng.integers(0, 6, 60)] + 0.01 * rng.standard_normal((60, 8))
        add(c, k, vectors, "M", 4, "EF", 8)
        for i in range(0, 60, 3):
            c("VREM", k, name(i))
        assert len(c("VSIM", k, *values(*np.ones(8)), "COUNT", 60, "EF", 1000)) == 40


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_modes_agree(c, quant):
    """NOTHREAD, a transaction and the default answer alike."""
    add(c, "k", random_vectors(500, 16, seed=10), quant)
    query = ["VSIM", "k", *values(*random_vectors(1, 16, seed=11)[0]), "WITHSCORES", "COUNT", 20]
    expected = c(*query)
    assert c(*query, "NOTHREAD") == expected
    c("MULTI")
    c(*query)
    assert c("EXEC") == [expected]


def test_bin_orders_by_signs(c):
    dim = 64
    base = np.ones(dim)
    for flips in range(0, 64, 4):
        v = base.copy()
        v[:flips] = -1
        c("VADD", "k", "FP32", fp32(v), f"e{flips}", "BIN")
    got = c("VSIM", "k", "ELE", "e0", "COUNT", 16, "WITHSCORES")
    assert got[::2] == [b"e%d" % f for f in range(0, 64, 4)]
    assert floats(got[1::2]) == pytest.approx([1 - f / 64 for f in range(0, 64, 4)], abs=1e-6)
