"""Untrusted messages of other nodes: servers keep running, and answers stay correct."""

import random
import struct

import pytest

import bus
from cluster import Cluster
from resp import ReplyError
from servers import eventually, selected
from vectors import fp32, random_vectors

KINDS = [kind for kind in selected() if kind in ("redis70", "valkey91")]
COUNT = 300
QUERY = fp32(random_vectors(1, 4, seed=2)[0])
COMMANDS = [
    ["FT.SEARCH", "i", "*=>[KNN 20 @v $q AS d]", "PARAMS", 2, "q", QUERY, "RETURN", 1, "d", "LIMIT", 0, 20, "DIALECT", 2],
    ["FT.SEARCH", "i", "@g:{t1}", "LIMIT", 0, 0],
    ["FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c", "SORTBY", 2, "@g", "ASC"],
    ["FT.SPELLCHECK", "i", "wort"],
]


@pytest.fixture(scope="module", params=KINDS)
def cluster(request):
    cluster = Cluster(request.param, 2)
    try:
        schema = ["g", "TAG", "t", "TEXT", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "L2"]
        cluster.at(cluster.masters[0])("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", *schema)
        vectors = random_vectors(COUNT, 4, seed=1)
        cluster.pipeline([["HSET", f"d:{i}", "g", f"t{i % 3}", "t", "word", "v", fp32(vector)] for i, vector in enumerate(vectors)])
        yield cluster
    finally:
        cluster.remove()


def answers(cluster):
    return [[cluster.at(master)(*command) for command in COMMANDS] for master in cluster.masters]


def as_words(command):
    return [word if isinstance(word, bytes) else str(word).encode() for word in command[1:]]


def flooded(cluster, messages):
    """Sends messages to each node in the name of the other, and asks what is asked all the time."""
    expected = answers(cluster)
    assert expected[0] == expected[1]
    for server, other in (cluster.masters, cluster.masters[::-1]):
        stranger = bus.Stranger(server, cluster.id(other))
        for number, message in enumerate(messages()):
            stranger.send(message)
            if number % 500 == 0:
                assert answers(cluster) == expected
        stranger.close()
        # What was sent before has been read when this is answered, as it came later on the same thread.
        assert answers(cluster) == expected
    assert all(server.alive() for server in cluster.masters)


def read(cluster, server):
    """How many messages of modules a node has received."""
    info = dict(line.split(":") for line in cluster.at(server)("CLUSTER", "INFO").decode().split())
    return int(info.get("cluster_stats_messages_module_received", 0))


def test_damaged_messages(cluster):
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    words = [as_words(command) for command in COMMANDS] + [[], [b"i"], [b"none", b"*"], [b"i"] * 1000]
    before = [read(cluster, server) for server in cluster.masters]
    flooded(cluster, lambda: (bus.piece(rng, bus.damaged(rng, bus.random_message(rng, words))) for _ in range(3000)))
    # They were not just thrown away by the server.
    assert all(read(cluster, server) > count + 1000 for server, count in zip(cluster.masters, before))
    for master in cluster.masters:
        assert b"a bug; please report it" not in master.log().encode()


def test_messages_that_never_end(cluster):
    """Their pieces do not take the room of others."""
    part = bytes(60_000)
    piece = lambda transfer: struct.pack("<BQI", 1, transfer, 2**26) + part  # noqa: E731
    flooded(cluster, lambda: (piece(transfer % 400) for transfer in range(1500)))


def test_answers_that_nobody_asked_for(cluster):
    """Long ones, too, are not kept."""
    rows = b"*" + bus.some_list([b"_"] * 60_000)
    answer = lambda: b"\2" + struct.pack("<Q", random.getrandbits(64)) + bus.some_list([]) + b"\0\0" + b"\0" + rows  # noqa: E731
    before = [memory(cluster, server) for server in cluster.masters]
    flooded(cluster, lambda: (bus.piece(random.Random(3), answer()) for _ in range(60)))
    for server, bytes_ in zip(cluster.masters, before):
        eventually(lambda: memory(cluster, server) < bytes_ + 60_000_000)  # noqa: B023


def memory(cluster, server):
    text = cluster.at(server)("INFO", "memory")
    text = text.decode() if isinstance(text, bytes) else text
    return int(next(line for line in text.splitlines() if line.startswith("used_memory:")).split(":")[1])


def test_definitions_that_cannot_be(cluster):
    """A definition that makes no sense is not carried out; the others hold."""
    def message(version, content):
        words = bus.some_list([bus.some_list([bus.some_bytes(word) for word in words]) for words in content])
        definition = b"\0" + bus.some_bytes(b"bad") + struct.pack("<Q", version) + b"\0\1" + words
        return b"\4" + struct.pack("<Q", 7) + b"\0" + bus.some_list([definition])

    contents = [[], [[]], [[b"bad"]], [[b"bad", b"SCHEMA", b"x", b"VECTOR"]], [[b"other", b"SCHEMA", b"x", b"TAG"], [b""]], [[b"bad", b"\xff" * 1000]]]
    messages = [message(version, content) for version in (1, 2, 2**64 - 1) for content in contents]
    flooded(cluster, lambda: (bus.piece(random.Random(5), message) for message in messages))
    for master in cluster.masters:
        conn = cluster.at(master)
        for name in conn("FT._LIST"):
            if name != b"i":
                try:
                    conn("FT.DROPINDEX", name)
                except ReplyError:
                    pass  # the other node's drop came first
        assert b"i" in conn("FT._LIST")
