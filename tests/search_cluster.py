"""A cluster of three primaries and three replicas with documents, and one server with all of them, to compare answers.

VSET_CLUSTER_DOCUMENTS=100000 is the long form.
"""

import os
import random

import pytest

from cluster import Cluster
from resp import ReplyError
from servers import Server, eventually, in_sync, selected
from vectors import fp32, random_vectors

KINDS = [kind for kind in selected() if kind in ("redis70", "valkey91")]
COUNT = int(os.environ.get("VSET_CLUSTER_DOCUMENTS", 3000))
DIM = 16
COLOURS = ["red", "green", "blue", "white", "black"]
SCHEMA = ["PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE", "g", "TAG", "t", "TEXT", "f", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", "L2",
          "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", "L2"]  # fmt: skip


def documents(count=COUNT):
    vectors = random_vectors(count, DIM, seed=5)
    rng = random.Random(1)
    for i, vector in enumerate(vectors):
        words = f"word{i % 7} {'rare' if i % 500 == 3 else 'common'}"
        blob = fp32(vector)
        yield ["HSET", f"d:{i}", "n", rng.randrange(10**9), "g", COLOURS[i % 5], "t", words, "f", blob, "v", blob]


def create(conn):
    conn("FT.CREATE", "i", *SCHEMA)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def whole(kind):
    """One server with all documents."""
    server = Server(kind)
    try:
        conn = server.connect()
        create(conn)
        assert not any(isinstance(r, ReplyError) for r in conn.pipeline(documents()))
        yield server
    finally:
        server.remove()


def filled(kind):
    cluster = Cluster(kind, 3, 3, each=True)
    try:
        create(cluster.at(cluster.masters[1]))
        cluster.pipeline(documents())
        for master, replica in zip(cluster.masters, cluster.replicas):
            in_sync(master, replica)
        eventually(lambda: all(conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [COUNT] for conn in nodes(cluster)))
    except BaseException:
        cluster.remove()
        raise
    return cluster


@pytest.fixture(scope="module")
def cluster(kind):
    cluster = filled(kind)
    yield cluster
    cluster.remove()


@pytest.fixture
def other(kind):
    """A cluster that the test may break."""
    cluster = filled(kind)
    yield cluster
    for server in cluster.servers:
        if not server.alive():
            server.start()
    cluster.remove()


def nodes(cluster):
    return [cluster.at(server) for server in cluster.servers if server.alive()]


def everywhere(cluster, command, expected):
    for conn in nodes(cluster):
        eventually(lambda: sorted(conn(*command)) == sorted(expected))
