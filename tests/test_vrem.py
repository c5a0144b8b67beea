"""VREM: what it removes, and that the rest stays findable."""

import numpy as np
import pytest

from resp import error, pairs
from vectors import add, fp32, name, nearest, random_vectors, values


def test_removes(c):
    assert c("VREM", "k", "e") == 0
    c("VADD", "k", *values(1, 2), "e", "SETATTR", "{}")
    c("VADD", "k", *values(2, 1), "f")
    assert c("VREM", "k", "none") == 0
    assert c("VREM", "k", "e") == 1
    assert c("VREM", "k", "e") == 0
    assert c("VSIM", "k", *values(1, 2)) == [b"f"]
    with error("ERR element not found in set"):
        c("VSIM", "k", "ELE", "e")
    assert c("VREM", "k", "f") == 1
    assert c("EXISTS", "k") == 0
    assert c("VADD", "k", *values(1, 2, 3), "e", "BIN") == 1  # nothing of the old set remains


def test_errors(c):
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VREM", "s", "e")
    for args in (["k"], ["k", "e", "f"]):
        with error("ERR wrong number of arguments for 'VREM' command"):
            c("VREM", *args)


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8"])
def test_recall_after_half_is_gone(c, quant):
    vectors = random_vectors(2000, 32, seed=1)
    add(c, "k", vectors, quant)
    queries = random_vectors(40, 32, seed=2)

    gone = set()
    for q in queries[:20]:  # the neighbourhoods of the queries suffer most
        gone |= set(nearest(vectors, q, 50)[::2])
    rest = [name(i) for i in np.random.default_rng(3).permutation(2000) if name(i) not in gone]
    gone |= set(rest[: 1000 - len(gone)])
    assert c.pipeline(["VREM", "k", e] for e in gone) == [1] * 1000
    assert c("VCARD", "k") == 1000

    hits = 0
    for q in queries:
        truth = [e for e in nearest(vectors, q, 1000) if e not in gone][:10]
        got = c("VSIM", "k", "FP32", fp32(q), "EF", 200)
        assert not gone & set(got)
        hits += len(set(truth) & set(got))
    assert hits / 400 > 0.9


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_emptying_and_refilling(c, quant):
    vectors = random_vectors(300, 8, seed=4)
    for _ in range(2):
        add(c, "k", vectors, quant, "M", 4, "EF", 10)
        for i in np.random.default_rng(5).permutation(300):
            assert c("VREM", "k", name(i)) == 1
            if i % 50 == 0 and c("EXISTS", "k"):
                assert len(c("VSIM", "k", "FP32", fp32(vectors[i]), "COUNT", 5, "TRUTH")) == min(5, c("VCARD", "k"))
        assert c("EXISTS", "k") == 0


def test_churn_keeps_info_right(c):
    rng = np.random.default_rng(6)
    present, insertions = {}, 0
    for step in range(3000):
        i = int(rng.integers(0, 200))
        if rng.random() < 0.4:
            assert c("VREM", "k", name(i)) == (i in present)
            present.pop(i, None)
            if not present:
                insertions = 0
        else:
            attr = rng.random() < 0.5
            options = ["SETATTR", '{"x":1}'] if attr else []
            assert c("VADD", "k", "FP32", fp32(rng.standard_normal(5)), name(i), *options) == (i not in present)
            present[i] = attr or present.get(i, False)
            insertions += 1
    info = pairs(c("VINFO", "k"))
    assert info["size"] == c("VCARD", "k") == len(present)
    assert info["attributes-count"] == sum(present.values())
    assert info["hnsw-max-node-uid"] == insertions
    assert set(c("VRANDMEMBER", "k", 1000)) == {name(i) for i in present}
