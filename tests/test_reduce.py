"""REDUCE: the projection, and which dimensions are asked of VADD and VSIM on a projected set."""

import numpy as np
import pytest

from resp import error, floats, pairs
from vectors import add, fp32, nearest, random_vectors, values


def project(vector, out):
    """Rows of a Walsh-Hadamard pattern, summed in binary32 from left to right."""
    x = np.asarray(vector, np.float32)
    scale = np.float32(1 / np.sqrt(len(x)))
    result = np.zeros(out, np.float32)
    for i in range(out):
        signs = np.array([-1 if (i & j).bit_count() % 2 else 1 for j in range(len(x))], np.float32) * scale
        total = np.float32(0)
        for a, b in zip(signs, x):
            total += a * b
        result[i] = total
    return result


@pytest.mark.parametrize("dim, out", [(4, 2), (7, 3), (64, 16), (100, 100), (300, 70)])
def test_projection(c, dim, out):
    for i, v in enumerate(random_vectors(4, dim, seed=dim)):
        c("VADD", "k", "REDUCE", out, "FP32", fp32(v), i, "NOQUANT")
        assert np.array(floats(c("VEMB", "k", i)), np.float32) == pytest.approx(project(v, out), rel=1e-5, abs=1e-5)
        l2 = float(c("VEMB", "k", i, "RAW")[2])
        assert l2 == pytest.approx(np.linalg.norm(project(v, out)), rel=1e-5)


def test_info(c):
    c("VADD", "k", "REDUCE", 2, *values(1, 2, 3, 4), "e")
    info = pairs(c("VINFO", "k"))
    assert (info["vector-dim"], info["projection-input-dim"]) == (2, 4)
    assert c("VDIM", "k") == 2
    assert len(c("VEMB", "k", "e")) == 2


def test_vadd_must_repeat_it(c):
    c("VADD", "k", "REDUCE", 2, *values(1, 2, 3, 4), "e")
    assert c("VADD", "k", "REDUCE", 2, *values(4, 3, 2, 1), "f") == 1
    with error("ERR Vector dimension mismatch - got 4 but set has 2"):
        c("VADD", "k", *values(1, 2, 3, 4), "g")
    with error("ERR Vector dimension mismatch - got 4 but set has 2"):
        c("VADD", "k", "REDUCE", 3, *values(1, 2, 3, 4), "g")
    with error("ERR Input dimension mismatch for projection - got 3 but projection expects 4"):
        c("VADD", "k", "REDUCE", 2, *values(1, 2, 3), "g")
    assert c("VCARD", "k") == 2


def test_vsim_takes_both_sizes(c):
    vectors = random_vectors(50, 16, seed=1)
    add(c, "k", vectors, prefix=["REDUCE", 8])
    for i in (0, 20, 49):
        stored = floats(c("VEMB", "k", f"e{i}"))
        for query in (values(*vectors[i]), values(*stored), ["ELE", f"e{i}"]):
            got = c("VSIM", "k", *query, "COUNT", 1, "WITHSCORES")
            assert got[0] == b"e%d" % i
            assert float(got[1]) > 0.99
    for size in (7, 9, 15, 17):
        with error(f"ERR Input dimension mismatch for projection - got {size} but projection expects 16"):
            c("VSIM", "k", *values(*range(size)))


@pytest.mark.differs("queries are not projected")
def test_square_projection(c):
    vectors = random_vectors(50, 12, seed=2)
    add(c, "k", vectors, "NOQUANT", prefix=["REDUCE", 12])
    for i in range(0, 50, 7):
        got = c("VSIM", "k", "FP32", fp32(vectors[i]), "COUNT", 1, "WITHSCORES")
        assert got[0] == b"e%d" % i
        assert float(got[1]) == pytest.approx(1, abs=1e-5)


def test_keeps_neighbours(c):
    """256 dimensions in 64: much of the true top 50 stays in the top 50."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((20, 256))[rng.integers(0, 20, 1000)] + 0.5 * rng.standard_normal((1000, 256))
    add(c, "k", vectors, prefix=["REDUCE", 64])
    overlap = 0
    for q in vectors[:20]:
        overlap += len(set(c("VSIM", "k", "FP32", fp32(q), "COUNT", 50)) & set(nearest(vectors, q, 50)))
    assert overlap / 1000 > 0.5


@pytest.mark.differs("takes gigabytes")
def test_the_largest_projection(c):
    """The saved form holds the matrix: what nothing could save is refused."""
    vectors = random_vectors(3, 65536, seed=8)
    with error("ERR REDUCE needs a matrix of more than 256 MiB"):
        c("VADD", "k", "REDUCE", 1025, "FP32", fp32(vectors[0]), "e")
    assert c("EXISTS", "k") == 0
    for i, v in enumerate(vectors):
        assert c("VADD", "k", "REDUCE", 1024, "FP32", fp32(v), i) == 1
    assert c("VSIM", "k", "FP32", fp32(vectors[1]), "COUNT", 1) == [b"1"]
    assert c("VADD", "square", "REDUCE", 8192, "FP32", fp32(vectors[0][:8192]), "e") == 1
