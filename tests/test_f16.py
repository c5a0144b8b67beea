"""F16: components of two bytes. Half of NOQUANT's memory and nearly its answers; in every file and reply."""

import numpy as np
import pytest

from payload import move
from resp import error, floats, pairs, scores
from servers import eventually, in_sync, info, rewrite_aof
from vectors import add, fp32, name, random_vectors, recall, values, words

METRICS = ["COSINE", "L2", "IP"]
pytestmark = pytest.mark.differs("ours beyond Redis 8")


def test_what_clients_see(c):
    assert c("VADD", "k", *values(3, 4), "a", "F16") == 1
    assert c("VADD", "k", *values(1, 0), "b", "f16", "SETATTR", "{}") == 1
    fields = pairs(c("VINFO", "k"))
    assert fields["quant-type"] in ("f16", b"f16")
    half = np.float16([0.6, 0.8])
    assert floats(c("VEMB", "k", "a")) == pytest.approx(list(half.astype("f4") * 5), rel=1e-6)
    kind, code, norm = c("VEMB", "k", "a", "RAW")
    assert kind in ("f16", b"f16") and code == half.tobytes() and float(norm) == 5
    for other in (["NOQUANT"], ["Q8"], ["BIN"], []):
        with error("ERR asked quantization mismatch with existing vector set"):
            c("VADD", "k", *values(1, 1), "c", *other)
    assert c("VMADD", "k", "F16", "FP16", "d", half.tobytes(), "e", np.float16([0, 1]).tobytes()) == 2
    assert c("VSIM", "k", "FP16", half.tobytes(), "COUNT", 2) in ([b"a", b"d"], [b"d", b"a"])


@pytest.mark.parametrize("metric", METRICS)
def test_scores_by_definition(c, metric):
    vectors = random_vectors(150, 24, seed=1) * np.logspace(-0.5, 0.5, 150, dtype="f4")[:, None]
    add(c, "k", vectors, "F16", "METRIC", metric)
    v = np.array([floats(c("VEMB", "k", name(i))) for i in range(150)])
    assert np.allclose(v, vectors, rtol=1e-3, atol=1e-3)
    for q in random_vectors(5, 24, seed=2).astype("f8"):
        dots, apart = v @ q, np.linalg.norm(v - q, axis=1)
        cosines = dots / np.linalg.norm(v, axis=1) / np.linalg.norm(q)
        want = {"COSINE": (1 + cosines) / 2, "L2": 1 / (1 + apart), "IP": dots}[metric]
        got = scores(c("VSIM", "k", "FP32", fp32(q), "WITHSCORES", "COUNT", 150, "TRUTH"))
        assert len(got) == 150 and list(got.values()) == sorted(got.values(), reverse=True)
        for i, score in enumerate(want):
            assert got[name(i)] == pytest.approx(score, rel=1e-3, abs=1e-3)


def test_recall_of_floats_at_half_of_their_bytes(c):
    texts, vectors = words()
    vectors = np.asarray(vectors[:1500])
    eventually(lambda: info(c, "vectorset")["vectorset_sets"] == "0")  # those of other tests are freed by threads
    taken = [0]
    for form in ("F16", "NOQUANT"):
        add(c, form, vectors, form)
        taken.append(int(info(c, "vectorset")["vectorset_bytes_vectors"]))
    queries = vectors[::30]
    halves, singles = (recall(c, form, vectors, queries, 10, "EF", 200) for form in ("F16", "NOQUANT"))
    print(halves, singles)
    assert halves >= 0.98 and halves >= singles - 0.01
    f16, f32 = taken[1] - taken[0], taken[2] - taken[1]
    assert 0.75 * 2 * vectors.shape[1] <= (f32 - f16) / 1500, taken


def test_numbers_that_are_too_large(c):
    with error("ERR F16 holds numbers up to 65504: use NOQUANT or METRIC COSINE"):
        c("VADD", "k", *values(1, 70000), "a", "F16", "METRIC", "L2")
    assert c("EXISTS", "k") == 0
    c("VADD", "k", *values(1, 65504), "a", "F16", "METRIC", "L2")
    with error("ERR F16 holds numbers up to 65504: use NOQUANT or METRIC COSINE"):
        c("VMADD", "k", "F16", "FP32", "b", fp32([1, 2]), "c", fp32([1e9, 0]))
    assert c("VCARD", "k") == 1 and c("VSIM", "k", *values(1e30, -1e30), "COUNT", 5) == [b"a"]
    assert c("VADD", "cosine", *values(1e30, 1e30), "a", "F16") == 1
    assert floats(c("VEMB", "cosine", "a")) == pytest.approx([1e30, 1e30], rel=1e-3)


def fill(conn):
    for metric in METRICS:
        add(conn, metric, random_vectors(60, 12, seed=6) * 5, "F16", "METRIC", metric)
        conn("VREM", metric, name(3))
    add(conn, "reduced", random_vectors(30, 12, seed=7), "F16", "EX", 10_000, prefix=["REDUCE", 5])
    return [*METRICS, "reduced"]


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_files_and_replicas_hold_it(launch, preamble):
    server, replica = launch(("appendonly", "yes"), ("aof-use-rdb-preamble", preamble)), launch()
    c = server.connect()
    keys = fill(c)
    replica.replicate(server)
    add(c, "later", random_vectors(20, 12, seed=8), "F16", "METRIC", "IP")
    in_sync(server, replica)
    digest = lambda conn: conn("DEBUG", "DIGEST-VALUE", *keys, "later")  # noqa: E731
    before = digest(c)
    assert digest(replica.connect()) == before
    for key in keys:
        c("RESTORE", "restored", 0, c("DUMP", key), "REPLACE")
        c("COPY", key, "copied", "REPLACE")
        [wanted] = c("DEBUG", "DIGEST-VALUE", key)
        assert c("DEBUG", "DIGEST-VALUE", "restored", "copied") == [wanted, wanted]
        assert c("VCHECK", "restored") == c("VCHECK", "copied") == "OK"
    server.restart(kill=True)
    assert digest(server.connect()) == before
    rewrite_aof(server.connect())
    server.restart(kill=True)
    assert digest(server.connect()) == before


def test_the_peer_refuses_it(c, peer):
    add(c, "k", random_vectors(20, 4, seed=9), "F16")
    with error("ERR Bad data format"):
        move(peer, "k", c("DUMP", "k"))
    assert peer("EXISTS", "k") == 0
