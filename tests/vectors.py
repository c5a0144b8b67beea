"""Vectors for the tests: random ones, real ones, the exact answer, and how to put them on the wire."""

import functools
import pathlib

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "examples/data"


def fp32(vector):
    return np.asarray(vector, dtype="<f4").tobytes()


def values(*vector):
    """Arguments: VALUES n v1 .. vn."""
    return ["VALUES", len(vector), *(repr(float(x)) for x in vector)]


def random_vectors(n, dim, seed):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype("<f4")


def name(i):
    return b"e%d" % i


def add(conn, key, vectors, *options, prefix=(), first=0, attributes=None):
    """Adds e0, e1, ... in one pipeline; every reply must be 1."""
    commands = []
    for i, v in enumerate(vectors):
        attr = ["SETATTR", attributes(i)] if attributes else []
        commands.append(["VADD", key, *prefix, "FP32", fp32(v), name(first + i), *options, *attr])
    replies = conn.pipeline(commands)
    assert all(r == 1 for r in replies), next(r for r in replies if r != 1)


def cosine(vectors, query):
    """Scores of the exact answer, 1 for the same direction and 0 for the opposite."""
    v = np.asarray(vectors, dtype=np.float64)
    q = np.asarray(query, dtype=np.float64)
    return (1 + v @ q / (np.linalg.norm(v, axis=-1) * np.linalg.norm(q))) / 2


def nearest(vectors, query, count):
    return [name(i) for i in np.argsort(-cosine(vectors, query), kind="stable")[:count]]


def recall(conn, key, vectors, queries, count, *options, names=None):
    """Mean share of the true nearest that VSIM finds."""
    hits = 0
    for q in queries:
        truth = nearest(vectors, q, count) if names is None else [names[int(x[1:])] for x in nearest(vectors, q, count)]
        got = conn("VSIM", key, "FP32", fp32(q), "COUNT", count, *options)
        hits += len(set(truth) & set(got))
    return hits / (len(queries) * count)


@functools.cache
def words():
    """20,000 English words and their vectors of 100 dimensions."""
    names = (DATA / "words-20k.txt").read_text().split("\n")[:20000]
    return [w.encode() for w in names], np.fromfile(DATA / "words-20k-100d.f16", "<f2").reshape(-1, 100).astype("<f4")
