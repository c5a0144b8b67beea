"""METRIC: what is near by cosine, L2 and inner product; scores, bounds, and what keeps the metric."""

import numpy as np
import pytest

from resp import error, floats, pairs, scores
from servers import background_save, in_sync, rewrite_aof
from vectors import add, fp32, name, random_vectors, values

METRICS = ["COSINE", "L2", "IP"]
pytestmark = pytest.mark.differs("Redis 8 knows cosine alone")


def exact(metric, vectors, query):
    """Scores by the definition, in doubles."""
    v, q = np.asarray(vectors, dtype=np.float64), np.asarray(query, dtype=np.float64)
    if metric == "L2":
        return 1 / (1 + np.linalg.norm(v - q, axis=1))
    if metric == "IP":
        return v @ q
    return (1 + v @ q / (np.linalg.norm(v, axis=1) * np.linalg.norm(q))) / 2


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("quantization", ["NOQUANT", "Q8"])
def test_scores_by_definition(c, metric, quantization):
    vectors = random_vectors(150, 24, seed=1) * np.logspace(-0.5, 0.5, 150, dtype="f4")[:, None]
    add(c, "k", vectors, quantization, "METRIC", metric)
    for q in random_vectors(5, 24, seed=2):
        got = scores(c("VSIM", "k", "FP32", fp32(q), "WITHSCORES", "COUNT", 150, "TRUTH"))
        want = {name(i): s for i, s in enumerate(exact(metric, vectors, q))}
        assert got.keys() == want.keys()
        tolerance = dict(rel=2e-6, abs=1e-6) if quantization == "NOQUANT" else dict(rel=0.05, abs=0.3 if metric == "IP" else 0.02)
        for element, score in got.items():
            assert score == pytest.approx(want[element], **tolerance), (metric, quantization, element)
        assert list(got.values()) == sorted(got.values(), reverse=True)


@pytest.mark.parametrize("quantization", ["NOQUANT", "Q8"])
def test_l2_of_near_duplicates(c, quantization):
    base = random_vectors(1, 64, seed=3)[0] + 100
    c("VADD", "k", "FP32", fp32(base), "a", quantization, "METRIC", "L2")
    near = base.copy()
    near[7] += np.float32(0.001)
    c("VADD", "k", "FP32", fp32(near), "b", quantization)
    got = scores(c("VSIM", "k", "ELE", "a", "WITHSCORES"))
    assert got[b"a"] == 1
    if quantization == "NOQUANT":
        distance = np.linalg.norm(near.astype("f8") - base.astype("f8"))
        assert 1 / got[b"b"] - 1 == pytest.approx(distance, rel=1e-6)
        assert scores(c("VSIM", "k", "FP32", fp32(base), "WITHSCORES"))[b"a"] == 1


def test_zero_vectors(c):
    for metric, expected in [("COSINE", 0.5), ("L2", 1 / 6), ("IP", 0)]:
        key = "k" + metric
        c("VADD", key, *values(0, 0), "zero", "METRIC", metric)
        c("VADD", key, *values(3, 4), "other")
        assert scores(c("VSIM", key, *values(3, 4), "WITHSCORES"))[b"zero"] == pytest.approx(expected, abs=1e-6)
        assert floats(c("VEMB", key, "zero")) == [0, 0]
        assert c("VCHECK", key) == "OK"


def test_the_first_vadd_chooses(c):
    for key, words in [("a", ["METRIC", "l2"]), ("b", ["XDISTANCE_METRIC", "L2"]), ("c", ["metric", "ip", "METRIC", "L2"])]:
        c("VADD", key, *values(1, 2), "e", *words)
        assert pairs(c("VINFO", key))["distance-metric"] in ("l2", b"l2")
        assert c("VADD", key, *values(2, 1), "f") == 1
        assert c("VADD", key, *values(2, 1), "f", "METRIC", "L2") == 0
        for other in ("COSINE", "IP"):
            with error("ERR asked metric mismatch with existing vector set"):
                c("VADD", key, *values(1, 1), "g", "METRIC", other)
    assert c("VADD", "d", *values(1, 2), "e") == 1
    fields = pairs(c("VINFO", "d"))
    assert list(fields)[-2:] == ["distance-metric", "pending"] and fields["distance-metric"] == "cosine"
    with error("ERR invalid metric"):
        c("VADD", "x", *values(1, 2), "e", "METRIC", "HAMMING")
    with error("ERR invalid option after element"):
        c("VADD", "x", *values(1, 2), "e", "METRIC")
    for metric in ("L2", "IP"):
        with error("ERR BIN stores only the signs: use METRIC COSINE, Q8 or NOQUANT"):
            c("VADD", "x", *values(1, 2), "e", "BIN", "METRIC", metric)
    assert c("VADD", "x", *values(1, 2), "e", "BIN", "METRIC", "COSINE") == 1


def test_epsilon_and_minscore(c):
    for key, metric in [("cos", "COSINE"), ("l2", "L2"), ("ip", "IP")]:
        for i in range(5):
            c("VADD", key, *values(1, i), name(i), "NOQUANT", "METRIC", metric)
    assert c("VSIM", "l2", *values(1, 0), "EPSILON", 2) == [name(0), name(1), name(2)]
    assert c("VSIM", "l2", *values(1, 0), "EPSILON", 1.99) == [name(0), name(1)]
    assert c("VSIM", "l2", *values(1, 0), "MINSCORE", 0.25) == [name(i) for i in range(4)]
    assert c("VSIM", "ip", *values(0, 1), "MINSCORE", 3) == [name(4), name(3)]
    assert c("VSIM", "ip", *values(0, 1), "MINSCORE", "-inf") == [name(i) for i in (4, 3, 2, 1, 0)]
    assert c("VSIM", "cos", *values(1, 0), "MINSCORE", 1) == [name(0)]
    assert c("VSIM", "cos", *values(1, 0), "MINSCORE", 0.8, "COUNT", 1) == [name(0)]
    with error("ERR EPSILON has no meaning for METRIC IP, use MINSCORE"):
        c("VSIM", "ip", *values(1, 0), "EPSILON", 1)
    for bad in ("x", "nan", ""):
        with error("ERR invalid MINSCORE"):
            c("VSIM", "ip", *values(1, 0), "MINSCORE", bad)


def test_vlinks_scores_by_the_metric(c):
    vectors = random_vectors(40, 8, seed=5) * 3
    for metric in METRICS:
        add(c, metric, vectors, "NOQUANT", "METRIC", metric)
        for level in c("VLINKS", metric, name(0), "WITHSCORES"):
            for element, score in zip(level[::2], floats(level[1::2])):
                want = exact(metric, vectors[int(element[1:])][None], vectors[0])[0]
                assert score == pytest.approx(want, rel=1e-4, abs=1e-4)


def content(conn):
    out = {}
    for metric in METRICS:
        fields = pairs(conn("VINFO", metric))
        names = conn("VRANGE", metric, "-", "+")
        out[metric] = fields["distance-metric"], [(n, conn("VEMB", metric, n, "RAW")) for n in names]
        query = random_vectors(1, 12, seed=9)[0]
        out[metric + "?"] = conn("VSIM", metric, "FP32", fp32(query), "WITHSCORES", "TRUTH")
    return out


def fill(conn):
    for metric, quantization in zip(METRICS, ["Q8", "Q8", "NOQUANT"]):
        add(conn, metric, random_vectors(60, 12, seed=6) * 5, quantization, "METRIC", metric)
        conn("VREM", metric, name(3))


def test_files_keep_it(launch):
    server = launch(("appendonly", "yes"), ("aof-use-rdb-preamble", "no"))
    c = server.connect()
    fill(c)
    before, digest = content(c), c("DEBUG", "DIGEST-VALUE", *METRICS)
    server.restart(kill=True)
    c = server.connect()
    assert content(c) == before and c("DEBUG", "DIGEST-VALUE", *METRICS) == digest
    rewrite_aof(c)
    server.restart(kill=True)
    c = server.connect()
    assert content(c) == before
    c("CONFIG", "SET", "aof-use-rdb-preamble", "yes")
    rewrite_aof(c)
    server.restart(kill=True)
    c = server.connect()
    assert content(c) == before and c("DEBUG", "DIGEST-VALUE", *METRICS) == digest
    for metric in METRICS:
        assert c("VCHECK", metric) == "OK"


def test_replicas_and_copies_keep_it(launch):
    master, replica = launch(), launch()
    c = master.connect()
    fill(c)
    replica.replicate(master)
    add(c, "later", random_vectors(10, 12, seed=7), "METRIC", "L2")
    in_sync(master, replica)
    r = replica.connect()
    assert content(r) == content(c)
    assert r("DEBUG", "DIGEST-VALUE", *METRICS, "later") == c("DEBUG", "DIGEST-VALUE", *METRICS, "later")
    for metric in METRICS:
        dump = c("DUMP", metric)
        c("RESTORE", "restored", 0, dump, "REPLACE")
        assert c("DEBUG", "DIGEST-VALUE", "restored") == c("DEBUG", "DIGEST-VALUE", metric)
        if master.version >= (6, 2):
            c("COPY", metric, "copied", "REPLACE")
            assert c("DEBUG", "DIGEST-VALUE", "copied") == c("DEBUG", "DIGEST-VALUE", metric)


def test_reduce_goes_before_the_metric(c):
    vectors = random_vectors(50, 32, seed=8)
    add(c, "k", vectors, "NOQUANT", "METRIC", "L2", prefix=["REDUCE", 8])
    reduced = np.array([floats(c("VEMB", "k", name(i))) for i in range(50)])
    got = scores(c("VSIM", "k", "FP32", fp32(vectors[0]), "WITHSCORES", "COUNT", 50))
    for i, score in enumerate(exact("L2", reduced, reduced[0])):
        assert got[name(i)] == pytest.approx(score, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e18, 1e30, 3e38])
def test_extreme_lengths(c, scale):
    for metric in METRICS:
        for quantization in ("NOQUANT", "Q8"):
            key = metric + quantization
            for i in range(5):
                c("VADD", key, *values(scale, scale * i / 5), name(i), quantization, "METRIC", metric)
            found = c("VSIM", key, *values(scale, 0), "WITHSCORES")
            assert len(found) == 10 and all(np.isfinite(floats(found[1::2])))
            assert c("VCHECK", key) == "OK"
