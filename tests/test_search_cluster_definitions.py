"""Distribution of definitions in a cluster, indexes of one shard, and clients of clusters."""

import numpy as np
import pytest
from redis.cluster import RedisCluster
from redis.commands.search.query import Query

from resp import error
from search_cluster import COUNT, cluster, everywhere, kind, nodes  # noqa: F401
from servers import eventually
from vectors import random_vectors


def test_definitions_reach_all(cluster):
    a, b, c = (cluster.at(server) for server in cluster.masters)
    assert a("FT.CREATE", "j", "PREFIX", 1, "j:", "SCHEMA", "x", "TAG") == "OK"
    everywhere(cluster, ["FT._LIST"], [b"i", b"j"])
    assert b("FT.ALTER", "j", "SCHEMA", "ADD", "y", "NUMERIC") == "OK"
    assert c("FT.ALIASADD", "also", "j") == "OK"
    assert a("FT.SYNUPDATE", "j", "group", "one", "two") == "OK"
    assert b("FT.DICTADD", "dict", "word", "other") == 2
    for conn in (a, b, c):
        assert conn("FT.SEARCH", "also", "@y:[1 2]") == [0]
        assert conn("FT.ALIASLIST", "j") == [b"also"]
        assert conn("FT.SYNDUMP", "j") == [b"one", [b"group"], b"two", [b"group"]]
        assert sorted(conn("FT.DICTDUMP", "dict")) == [b"other", b"word"]
    with error("Index already exists"):
        b("FT.CREATE", "j", "SCHEMA", "x", "TAG")
    cluster.pipeline([["HSET", f"j:{i}", "x", "t", "y", i] for i in range(100)])
    assert c("FT.SEARCH", "also", "@x:{t}", "LIMIT", 0, 0) == [100]
    assert c("FT.ALIASDEL", "also") == "OK"
    assert b("FT.DICTDEL", "dict", "word") == 1
    assert [conn("FT.DICTDUMP", "dict") for conn in (a, b, c)] == [[b"other"]] * 3
    assert b("FT.DROPINDEX", "j", "DD") == "OK"
    everywhere(cluster, ["FT._LIST"], [b"i"])
    for conn in (a, b, c):
        eventually(lambda: not any(key.startswith(b"j:") for key in conn("KEYS", "j:*")))


def test_many_documents_go_with_their_index(cluster):
    """The reply comes when this node's are gone, and all know that the index is."""
    conn = cluster.at(cluster.masters[0])
    assert conn("FT.CREATE", "k", "PREFIX", 1, "k:", "SCHEMA", "x", "TAG") == "OK"
    cluster.pipeline([["HSET", f"k:{i}", "x", "t"] for i in range(2000)])
    assert conn("FT.DROPINDEX", "k", "DD") == "OK"
    assert conn("KEYS", "k:*") == []
    for master in cluster.masters:
        assert cluster.at(master)("FT._LIST") == [b"i"]
        eventually(lambda: cluster.at(master)("KEYS", "k:*") == [])


def test_kora_over_all_nodes(cluster):
    """The first VECSET makes the index everywhere, and VECQUERY asks all."""
    vectors = random_vectors(200, 4, seed=12)
    cluster.pipeline([["VECSET", f"w:{i}", 4, *vector.tolist()] for i, vector in enumerate(vectors)])
    everywhere(cluster, ["FT._LIST"], [b"i", b"kora"])
    for query in random_vectors(3, 4, seed=13):
        distances = 1 - vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
        for conn in nodes(cluster):
            for pattern, step in (("any", 1), ("w:*0", 10)):
                expected = sorted((distances[i], b"w:%d" % i) for i in range(0, len(vectors), step))[:7]
                ask = lambda: conn("VECQUERY", pattern, 7, *query.tolist(), "EF", 500)  # noqa: B023, E731
                # Replicas get documents, and nodes look for older ones, in the background.
                eventually(lambda: ask()[::2] == [key for _, key in expected])  # noqa: B023
                reply = ask()
                assert [float(text) for text in reply[1::2]] == pytest.approx([distance for distance, _ in expected], abs=1e-5)
    assert nodes(cluster)[0]("FT.DROPINDEX", "kora", "DD") == "OK"
    everywhere(cluster, ["FT._LIST"], [b"i"])


def test_an_index_with_a_tag_is_on_one_shard(cluster):
    name = b"{tag}:index"
    conn = cluster.at(cluster.masters[0])
    assert conn("FT.CREATE", name, "PREFIX", 1, "{tag}:", "SCHEMA", "n", "NUMERIC") == "OK"
    owner, _ = cluster.owner(name)
    for i in range(20):
        cluster.at(owner)("HSET", b"{tag}:%d" % i, "n", i)
    for conn in nodes(cluster):
        eventually(lambda: conn("FT.SEARCH", name, "@n:[5 9]", "LIMIT", 0, 0) == [5])
    # It alone asks no other node, so it works in a transaction.
    conn = cluster.at(owner)
    conn("MULTI")
    conn("FT.SEARCH", name, "@n:[5 9]", "LIMIT", 0, 0)
    assert conn("EXEC") == [[5]]
    assert conn("FT.DROPINDEX", name) == "OK"


def test_replicas_answer(cluster):
    for replica in cluster.replicas:
        conn = cluster.at(replica)
        conn("READONLY")
        eventually(lambda: conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [COUNT])


def test_clients_of_clusters(cluster):
    client = RedisCluster("127.0.0.1", cluster.masters[0].port)
    found = client.ft("i").search(Query("@g:{red}").paging(0, 5).sort_by("n"))
    assert found.total == COUNT // 5 and len(found.docs) == 5
    client.close()
