"""VECTOR_RANGE beside a comparison with every document: nothing beyond the radius, and nearly all within it."""

import random

import numpy as np
import pytest

from seeds import new_seed
from servers import eventually, info

COUNT = 4000  # so many that the graph is walked
SEED = new_seed()


def made(rng, count, dim, kind):
    """Vectors around a few centres; of bytes whole numbers."""
    centres = rng.normal(size=(12, dim))
    vectors = centres[rng.integers(12, size=count)] + 0.5 * rng.normal(size=(count, dim))
    return np.clip(np.rint(30 * vectors), -128, 127).astype(np.int8) if kind == "INT8" else vectors.astype(np.float32)


def distances(vectors, query, metric):
    vectors, query = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "L2":
        return ((vectors - query) ** 2).sum(1)
    dots = vectors @ query
    if metric == "IP":
        return 1 - dots
    return 1 - dots / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)


def settled(conn):
    counts = info(conn, "everything")
    return not any(int(counts[name]) for name in counts if name.endswith(("search_vectors_pending", "search_indexes_scanning")))


def filled(conn, algorithm, kind, metric, dim):
    print("seed", SEED)
    rng = np.random.default_rng(SEED)
    vectors = made(rng, COUNT, dim, kind)
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG", "v", "VECTOR", algorithm, 6, "TYPE", kind, "DIM", dim,
         "DISTANCE_METRIC", metric)  # fmt: skip
    conn.pipeline([("HSET", f"d:{n}", "g", f"g{n % 3}", "v", v.tobytes()) for n, v in enumerate(vectors)])
    eventually(lambda: settled(conn), timeout=600)  # linkers get what others leave of a busy machine
    return rng, vectors


def search(conn, text, query, *options):
    found = conn("FT.SEARCH", "i", text, "PARAMS", 2, "b", query.tobytes(), "LIMIT", 0, COUNT, *options)
    return found[0], found[1:]


def within(conn, query, radius, attributes="", around="{}"):
    text = around.format(f"(@v:[VECTOR_RANGE {radius!r} $b]{attributes})")
    total, keys = search(conn, text, query, "NOCONTENT")
    assert total == len(keys)
    return {int(key[2:]) for key in keys}


def between(lengths, n):
    """A radius that lies clearly between two documents, with about so many within it of those further than zero: inner products have others."""
    further = np.sort(lengths[lengths > 0])
    ordered = np.concatenate([[0.0], further, [further.max(initial=0) + 1]])
    n = min(n + 1, len(further))
    gaps = np.diff(ordered[n : n + 20])
    at = n + int(np.argmax(gaps))
    return float((ordered[at] + ordered[at + 1]) / 2)


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
@pytest.mark.parametrize("algorithm,kind,dim", [("HNSW", "FLOAT32", 96), ("HNSW", "FLOAT32", 20), ("HNSW", "INT8", 80), ("FLAT", "FLOAT32", 96)])  # fmt: skip
def test_what_is_within_is_found_and_nothing_else(c, algorithm, kind, dim, metric):
    rng, vectors = filled(c, algorithm, kind, metric, dim)
    hits = wanted = 0
    for turn, query in enumerate(made(rng, 24, dim, kind)):
        lengths = distances(vectors, query, metric)
        radius = between(lengths, [0, 5, 40, 120, 400, 1200][turn % 6])
        truth = set(np.flatnonzero(lengths <= radius).tolist())
        found = within(c, query, radius)
        assert found <= truth
        if algorithm == "FLAT":
            assert found == truth
        hits, wanted = hits + len(found), wanted + len(truth)
        # With other clauses: what both find.
        even = {n for n in found if n % 3 == 0}
        assert within(c, query, radius, around="{} @g:{{g0}}") == even
        assert within(c, query, radius, around="@g:{{g0}} -{}") == {n for n in range(0, COUNT, 3) if n not in found}
        assert within(c, query, radius, around="({} | @g:{{g1}})") == found | set(range(1, COUNT, 3))
        wide = "" if algorithm == "FLAT" else "=>{$EPSILON: 0.5}"
        assert found <= within(c, query, radius, wide) <= truth
    assert hits >= 0.98 * wanted > 0


@pytest.mark.parametrize("dim", [20, 96])
def test_distances_are_those_of_the_documents(c, dim):
    rng, vectors = filled(c, "HNSW", "FLOAT32", "L2", dim)
    for query in made(rng, 5, dim, "FLOAT32"):
        lengths = distances(vectors, query, "L2")
        radius = between(lengths, 60)
        text = f"@v:[VECTOR_RANGE {radius!r} $b]=>{{$YIELD_DISTANCE_AS: one}} @v:[VECTOR_RANGE {2 * radius!r} $b]=>{{$YIELD_DISTANCE_AS: two}}"
        total, rows = search(c, text, query, "RETURN", 2, "one", "two", "SORTBY", "one")
        assert total == len(rows) // 2
        shown = [dict(zip(*[iter(fields)] * 2)) for fields in rows[1::2]]
        for key, fields in zip(rows[::2], shown):
            assert float(fields[b"one"]) == pytest.approx(lengths[int(key[2:])], rel=1e-5)
            assert float(fields[b"two"]) == pytest.approx(lengths[int(key[2:])], rel=1e-5)
        assert [float(fields[b"one"]) for fields in shown] == sorted(float(fields[b"one"]) for fields in shown)


def test_aggregations_and_hybrids_count_what_is_within(c):
    rng, vectors = filled(c, "HNSW", "FLOAT32", "COSINE", 96)
    for query in made(rng, 5, 96, "FLOAT32"):
        lengths = distances(vectors, query, "COSINE")
        radius = between(lengths, 100)
        found = within(c, query, radius)
        text = f"@v:[VECTOR_RANGE {radius!r} $b]"
        rows = c("FT.AGGREGATE", "i", text, "PARAMS", 2, "b", query.tobytes(), "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "n")  # fmt: skip
        counts = {row[1]: int(row[3]) for row in rows[1:]}
        assert counts == {b"g%d" % g: len(part) for g in range(3) if (part := {n for n in found if n % 3 == g})}
        best = min(found, key=lambda n: lengths[n])
        reply = c("FT.HYBRID", "i", "SEARCH", "@g:{g0|g1|g2}", "VSIM", "@v", "$b", "RANGE", 2, "RADIUS", repr(radius),
                  "COMBINE", "LINEAR", 4, "ALPHA", 0, "BETA", 1, "PARAMS", 2, "b", query.tobytes())  # fmt: skip
        rows = dict(zip(*[iter(reply)] * 2))["results"]
        assert dict(zip(*[iter(rows[0])] * 2))[b"__key"] == b"d:%d" % best


def test_documents_that_change_or_go_are_found_no_more(c):
    rng, vectors = filled(c, "HNSW", "FLOAT32", "COSINE", 96)
    query = made(rng, 1, 96, "FLOAT32")[0]
    lengths = distances(vectors, query, "COSINE")
    radius = between(lengths, 200)
    found = within(c, query, radius)
    gone = set(random.Random(SEED).sample(sorted(found), 50))
    c.pipeline([("DEL" if n % 2 else "HDEL", f"d:{n}", *([] if n % 2 else ["v"])) for n in gone])
    left = within(c, query, radius)
    assert left <= found - gone and len(left) >= 0.98 * len(found - gone)
    far = sorted(left)[:20]
    c.pipeline([("HSET", f"d:{n}", "v", (-vectors[n]).tobytes()) for n in far])
    assert not within(c, query, radius) & set(far)
