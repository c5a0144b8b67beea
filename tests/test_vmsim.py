"""Queries with several vectors, EXCLUDE, and VMSIM, which searches several sets."""

import numpy as np
import pytest

from resp import error, floats, scores
from vectors import add, fp32, name, random_vectors, values, words

pytestmark = pytest.mark.differs("ours beyond Redis 8")


def unit(v):
    return v / np.linalg.norm(v)


def test_the_analogy(c):
    names, vectors = words()
    wanted = [b"king", b"queen", b"man", b"woman", b"prince", b"princess"]
    chosen = sorted({names.index(w) for w in wanted} | set(range(3000)))
    c.pipeline([["VADD", "words", "FP32", fp32(vectors[i]), names[i]] for i in chosen])
    found = c("VSIM", "words", "ELE", "king", "AND", "WEIGHT", -1, "ELE", "man", "AND", "ELE", "woman", "EXCLUDE", "COUNT", 3)
    assert b"queen" in found and not {b"king", b"man", b"woman"} & set(found) and len(found) == 3


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
def test_the_sum_by_definition(c, metric):
    vectors = random_vectors(60, 10, seed=1) * 4
    add(c, "k", vectors, "NOQUANT", "METRIC", metric)
    q = random_vectors(1, 10, seed=2)[0]
    parts = [(1, vectors[3]), (2.5, q), (-0.5, vectors[9])]
    if metric == "COSINE":
        blend = sum(w * unit(v) for w, v in parts)
    else:
        blend = sum(w * v for w, v in parts) / (sum(w for w, _ in parts) if metric == "L2" else 1)
    several = ["ELE", name(3), "AND", "WEIGHT", 2.5, "FP32", fp32(q), "and", "weight", "-.5", "ELE", name(9)]
    got = scores(c("VSIM", "k", *several, "WITHSCORES", "COUNT", 60))
    want = scores(c("VSIM", "k", "FP32", fp32(blend), "WITHSCORES", "COUNT", 60))
    assert got.keys() == want.keys()
    for element in got:
        assert got[element] == pytest.approx(want[element], rel=1e-4, abs=1e-5)


def test_refused(c):
    add(c, "k", random_vectors(5, 4, seed=3))
    add(c, "l2", random_vectors(5, 4, seed=3), "METRIC", "L2")
    for args, text in [
        (["k", "ELE", "e0", "AND", "WEIGHT", -1, "ELE", "e0"], "ERR the vectors cancel out"),
        (["k", "ELE", "e0", "AND", "WEIGHT", "x", "ELE", "e0"], "ERR invalid WEIGHT"),
        (["k", "ELE", "e0", "AND", "WEIGHT", "inf", "ELE", "e0"], "ERR invalid WEIGHT"),
        (["k", "ELE", "e0", "AND", "ELE", "none"], "ERR element not found in set"),
        (["k", "ELE", "e0", "AND", *values(1, 2)], "ERR Vector dimension mismatch - got 2 but set has 4"),
        (["k", "ELE", "e0", "AND", "WHAT", "x"], "ERR invalid vector specification"),
        (["l2", "ELE", "e0", "AND", "WEIGHT", -1, "ELE", "e1"], "ERR the weights add up to nothing"),
        (["k", *["ELE", "e0", "AND"] * 1024, "ELE", "e0"], "ERR too many vectors: at most 1024"),
    ]:
        with error(text):
            c("VSIM", *args)
    assert len(c("VSIM", "k", *["ELE", "e0", "AND"] * 1023, "ELE", "e0")) == 5


def test_exclude(c):
    add(c, "k", random_vectors(30, 4, seed=4))
    every = c("VSIM", "k", "ELE", "e0", "COUNT", 11)
    assert every[0] == b"e0"
    assert c("VSIM", "k", "ELE", "e0", "EXCLUDE") == every[1:11]
    assert len(c("VSIM", "k", "ELE", "e0", "AND", "ELE", "e1", "EXCLUDE", "COUNT", 30)) == 28
    assert c("VSIM", "k", *values(1, 2, 3, 4), "EXCLUDE") == c("VSIM", "k", *values(1, 2, 3, 4))


@pytest.fixture
def months(c):
    vectors = random_vectors(300, 16, seed=5)
    for m, quantization in enumerate(["Q8", "NOQUANT", "NOQUANT"]):
        add(c, f"m{m}", vectors[m * 100 : (m + 1) * 100], quantization, "M", 16 if m else 8, attributes=lambda i: '{"i":%d}' % i if i % 2 else "")
    return c, vectors


def test_one_answer_over_several_sets(months):
    c, vectors = months
    q = random_vectors(1, 16, seed=6)[0]
    single = []
    for m in range(3):
        single += [(float(s), b"m%d" % m, e) for e, s in scores(c("VSIM", f"m{m}", "FP32", fp32(q), "WITHSCORES", "COUNT", 100)).items()]
    single.sort(key=lambda hit: (-hit[0], hit[1]))
    got = c("VMSIM", 3, "m0", "m1", "m2", "FP32", fp32(q), "WITHSCORES", "COUNT", 20)
    assert [(k, e) for k, e, _ in got] == [(k, e) for _, k, e in single[:20]]
    assert floats([s for _, _, s in got]) == pytest.approx([s for s, _, _ in single[:20]])
    plain = c("VMSIM", 4, "m0", "none", "m1", "m2", "FP32", fp32(q), "COUNT", 20, "NOTHREAD")
    assert plain == [[k, e] for k, e, _ in got]
    both = c("VMSIM", 3, "m0", "m1", "m2", "FP32", fp32(q), "WITHATTRIBS", "WITHSCORES", "FILTER", ".i > 50")
    assert len(both) == 10 and all(len(hit) == 4 and hit[3].startswith(b'{"i":') for hit in both)
    assert all(len(hit) == 3 for hit in c("VMSIM", 1, "m0", "FP32", fp32(q), "WITHATTRIBS"))


def test_same_form_in_both_protocols(months, c3):
    c, _ = months
    args = ["VMSIM", 2, "m0", "m1", "ELE", "e1", "FROM", "m1", "COUNT", 3, "WITHSCORES", "WITHATTRIBS"]
    two, three = c(*args), c3(*args)
    assert [hit[:2] + hit[3:] for hit in two] == [hit[:2] + hit[3:] for hit in three]
    assert two[0][:2] == [b"m1", b"e1"]


def test_elements_and_where_they_are(months):
    c, _ = months
    assert c("VMSIM", 2, "m0", "m1", "ELE", "e7", "COUNT", 1) == [[b"m0", b"e7"]]
    assert c("VMSIM", 2, "m0", "m1", "ELE", "e7", "FROM", "m1", "COUNT", 1) == [[b"m1", b"e7"]]
    found = c("VMSIM", 2, "m0", "m1", "ELE", "e7", "FROM", "m1", "AND", "ELE", "e8", "EXCLUDE", "COUNT", 200)
    assert len(found) == 198 and [b"m1", b"e7"] not in found and [b"m0", b"e8"] not in found and [b"m0", b"e7"] in found
    assert c("VMSIM", 2, "m0", "m0", "ELE", "e7", "COUNT", 2) != [[b"m0", b"e7"]] * 2
    assert c("VMSIM", 2, "none", "nothing", "ELE", "e7") == []


def test_refused_over_several(months):
    c, _ = months
    add(c, "other", random_vectors(3, 4, seed=7))
    add(c, "l2", random_vectors(3, 16, seed=7), "METRIC", "L2")
    c("SET", "s", "x")
    q = ["FP32", fp32(range(16))]
    for args, text in [
        ([0, "m0", *q], "ERR invalid numkeys"),
        (["x", "m0", *q], "ERR invalid numkeys"),
        ([9, "m0", *q], "ERR invalid numkeys"),
        ([2, "m0", "other", *q], "ERR vector sets of different dimension or metric"),
        ([2, "m0", "l2", *q], "ERR vector sets of different dimension or metric"),
        ([2, "m0", "s", *q], "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ([2, "m0", "m1", "ELE", "none"], "ERR element not found in set"),
        ([2, "none", "m1", "ELE", "e1"], "ERR element not found in set"),
        ([1, "m0", "ELE", "e1", "FROM", "m1"], "ERR FROM names none of the keys"),
        ([1, "m0", *values(1, 2)], "ERR Vector dimension mismatch - got 2 but set has 16"),
        ([1, "m0", *q, "WHAT"], "ERR syntax error in VSIM command"),
    ]:
        with error(text):
            c("VMSIM", *args)


def test_keys_of_the_command(c, server):
    assert c("COMMAND", "GETKEYS", "VMSIM", 2, "a", "b", "ELE", "e") == [b"a", b"b"]
    with error("ERR syntax error in VSIM command"):
        c("VSIM", "k", "ELE", "e", "FROM", "k")
