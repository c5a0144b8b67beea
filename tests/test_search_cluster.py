"""FT.* over a cluster of three primaries and three replicas: answers are those of one node with all documents, while slots move,
primaries die and nodes join.

VSET_CLUSTER_DOCUMENTS=100000 is the long form.
"""

import json
import os
import random
import threading

import numpy as np
import pytest
from redis.cluster import RedisCluster
from redis.commands.search.query import Query

from cluster import Cluster
from resp import ReplyError, error
from servers import Server, eventually, selected
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
        conn("FT.CONFIG", "SET", "TIMEOUT", 20_000)
        assert not any(isinstance(r, ReplyError) for r in conn.pipeline(documents()))
        yield server
    finally:
        server.remove()


def filled(kind, timeout=30_000):
    """On a busy machine nodes with little patience are replaced though they live."""
    cluster = Cluster(kind, 3, 3, each=True, timeout=timeout)
    try:
        create(cluster.at(cluster.masters[1]))
        for conn in nodes(cluster):
            conn("FT.CONFIG", "SET", "TIMEOUT", 20_000)
        cluster.pipeline(documents())
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
def other(kind, request):
    """A cluster that the test may break."""
    cluster = filled(kind, getattr(request, "param", 30_000))
    yield cluster
    for server in cluster.servers:
        if not server.alive():
            server.start()
    cluster.remove()


def nodes(cluster):
    return [cluster.at(server) for server in cluster.servers if server.alive()]


def rows(reply):
    """An aggregation's rows as dictionaries, numbers rounded: their sums depend on the order."""

    def value(text):
        try:
            return f"{float(text):.6g}"
        except (TypeError, ValueError):
            return sorted(text) if isinstance(text, list) else text

    return [{name: value(of) for name, of in zip(row[::2], row[1::2])} for row in reply[1:]]


QUERIES = [
    ["*", "SORTBY", "n", "LIMIT", 0, 20],
    ["*", "SORTBY", "n", "DESC", "LIMIT", 15, 10, "RETURN", 2, "n", "g"],
    ["@g:{red|blue}", "SORTBY", "n", "WITHSORTKEYS", "LIMIT", 5, 5, "NOCONTENT"],
    ["@n:[0 50000000]", "SORTBY", "n", "RETURN", 1, "t", "LIMIT", 0, 1000],
    ["word3 @g:{green}", "SORTBY", "n", "NOCONTENT"],
    ["rare", "SORTBY", "n", "HIGHLIGHT", "RETURN", 1, "t", "LIMIT", 0, 100],
    ["-@g:{red}", "LIMIT", 0, 0],
    ["nothing"],
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(map(str, query)))
def test_searches_as_one_node(cluster, whole, query):
    expected = whole.connect()("FT.SEARCH", "i", *query)
    for conn in nodes(cluster):
        assert conn("FT.SEARCH", "i", *query) == expected


@pytest.mark.parametrize("k", [1, 10, 200])
@pytest.mark.parametrize("text", ["*", "@g:{blue}", "@n:[0 500000000]"])
def test_nearest_are_those_of_one_node(cluster, whole, k, text):
    one = whole.connect()
    for vector in random_vectors(3, DIM, seed=k):
        query = [f"({text})=>[KNN {k} @f $q AS d]" if text != "*" else f"*=>[KNN {k} @f $q AS d]", "PARAMS", 2, "q", fp32(vector), "DIALECT", 2]
        for more in (["RETURN", 1, "d"], ["RETURN", 1, "d", "LIMIT", 3, 4], ["SORTBY", "n", "RETURN", 2, "n", "d", "LIMIT", 0, k]):
            expected = one("FT.SEARCH", "i", *query, *more)
            assert random.choice(nodes(cluster))("FT.SEARCH", "i", *query, *more) == expected


def test_recall_is_not_lower(cluster, whole):
    def found(conn):
        hits = 0
        for vector in random_vectors(40, DIM, seed=77):
            params = ["PARAMS", 2, "q", fp32(vector), "NOCONTENT", "DIALECT", 2]
            exact = conn("FT.SEARCH", "i", "*=>[KNN 10 @f $q]", *params)
            hits += len(set(exact[1:]) & set(conn("FT.SEARCH", "i", "*=>[KNN 10 @v $q EF_RUNTIME 20]", *params)[1:]))
        return hits

    assert found(nodes(cluster)[0]) >= found(whole.connect()) - 4


REDUCERS = ["REDUCE", "COUNT", 0, "AS", "c", "REDUCE", "SUM", 1, "@n", "AS", "s", "REDUCE", "AVG", 1, "@n", "AS", "a", "REDUCE", "STDDEV", 1, "@n", "AS", "d",
            "REDUCE", "MIN", 1, "@n", "AS", "l", "REDUCE", "MAX", 1, "@n", "AS", "m", "REDUCE", "QUANTILE", 2, "@n", "0.5", "AS", "q",
            "REDUCE", "COUNT_DISTINCT", 1, "@t", "AS", "u", "REDUCE", "TOLIST", 1, "@t", "AS", "w"]  # fmt: skip
STEPS = [
    ["GROUPBY", 1, "@g", *REDUCERS],
    ["GROUPBY", 0, *REDUCERS],
    ["APPLY", "@n % 10", "AS", "r", "FILTER", "@r < 4", "GROUPBY", 2, "@g", "@r", "REDUCE", "COUNT", 0, "AS", "c", "SORTBY", 4, "@c", "DESC", "@r", "ASC", "LIMIT", 0, 5],
    ["LOAD", 2, "@n", "@g", "SORTBY", 2, "@n", "ASC", "LIMIT", 3, 9, "APPLY", "@n * 2", "AS", "x"],
    ["SORTBY", 1, "@n", "MAX", 25, "LOAD", 1, "@__key"],
    ["LOAD", 1, "@n", "FILTER", "@n < 20000000"],
    ["LIMIT", 0, 100000, "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c"],
]


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: " ".join(map(str, steps[:6])))
@pytest.mark.parametrize("query", ["*", "@g:{red|green}"])
def test_aggregates_as_one_node(cluster, whole, query, steps):
    expected = whole.connect()("FT.AGGREGATE", "i", query, *steps)
    is_ordered = "SORTBY" in steps and "GROUPBY" not in steps
    for conn in random.sample(nodes(cluster), 2):
        reply = conn("FT.AGGREGATE", "i", query, *steps)
        assert reply[0] == expected[0]
        a, b = rows(reply), rows(expected)
        if not is_ordered:
            a, b = sorted(a, key=repr), sorted(b, key=repr)
        assert a == b


def test_aggregates_nearest(cluster, whole):
    query = ["*=>[KNN 30 @f $q AS d]", "PARAMS", 2, "q", fp32(random_vectors(1, DIM, seed=3)[0]), "DIALECT", 2]
    for steps in (["GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c"], ["LOAD", 1, "@__key", "FILTER", "@d > 5"]):
        a, b = (rows(conn("FT.AGGREGATE", "i", *query, *steps)) for conn in (nodes(cluster)[0], whole.connect()))
        assert sorted(a, key=repr) == sorted(b, key=repr) and a


def test_spelling_as_one_node(cluster, whole):
    for conn in (whole.connect(), nodes(cluster)[0]):
        conn("FT.DICTADD", "near", "comet", "worse")
    for text in ("comon", "word9", "rar word2", "@t:(comman|wrd3)", "nothing"):
        for more in ([], ["DISTANCE", 2], ["FULLSCOREINFO"], ["TERMS", "INCLUDE", "near", "DISTANCE", 3], ["TERMS", "EXCLUDE", "near"]):
            expected = whole.connect()("FT.SPELLCHECK", "i", text, *more)
            for conn in random.sample(nodes(cluster), 2):
                assert conn("FT.SPELLCHECK", "i", text, *more) == expected
    for conn in (whole.connect(), nodes(cluster)[0]):
        conn("FT.DICTDEL", "near", "comet", "worse")


def test_cursors_are_read_where_they_began(cluster):
    conn = nodes(cluster)[2]
    reply, cursor = conn("FT.AGGREGATE", "i", "*", "LOAD", 1, "@__key", "WITHCURSOR", "COUNT", 400)
    keys = [row[1] for row in reply[1:]]
    while cursor:
        reply, cursor = conn("FT.CURSOR", "READ", "i", cursor)
        keys += [row[1] for row in reply[1:]]
    assert len(keys) == len(set(keys)) == COUNT


def test_hybrid_as_one_node(cluster, whole):
    """Scores of texts depend on a shard's statistics, so the fusion is one of ranks of one side."""
    vector = fp32(random_vectors(1, DIM, seed=8)[0])
    command = ["FT.HYBRID", "i", "SEARCH", "nothing", "VSIM", "@f", "$q", "KNN", 2, "K", 10, "LOAD", 2, "@__key", "@n", "PARAMS", 2, "q", vector]
    results = [dict(zip(reply[::2], reply[1::2])) for reply in (nodes(cluster)[0](*command), whole.connect()(*command))]
    assert results[0]["results"] == results[1]["results"] and len(results[0]["results"]) == 10
    both = nodes(cluster)[1]("FT.HYBRID", "i", "SEARCH", "rare", "VSIM", "@f", "$q", "PARAMS", 2, "q", vector)
    assert len(dict(zip(both[::2], both[1::2]))["results"]) == 10


def test_info_and_tags(cluster, whole):
    def info(conn):
        flat = conn("FT.INFO", "i")
        return {k if isinstance(k, str) else k.decode(): v for k, v in zip(flat[::2], flat[1::2])}

    one = info(whole.connect())
    for conn in nodes(cluster):
        eventually(lambda: info(conn)["num_docs"] == COUNT)
        assert info(conn)["attributes"] == one["attributes"]
        assert sorted(conn("FT.TAGVALS", "i", "g")) == sorted(COLOURS_BYTES)


COLOURS_BYTES = [colour.encode() for colour in COLOURS]


def test_json_documents_as_one_node(cluster, whole):
    """Values that FORMAT EXPAND shows keep their types on the way between nodes, however deep they nest."""
    deep = None
    for _ in range(100):
        deep = [deep]
    documents = [{"n": i, "s": "a\u00e9", "x": [True, None, i + 0.5, {"y": {}}], "deep": deep} for i in range(30)]
    writes = [["JSON.SET", f"e:{i}", "$", json.dumps(document)] for i, document in enumerate(documents)]
    one, conn = whole.connect(protocol=3), cluster.masters[1].connect(protocol=3)
    assert not any(isinstance(reply, ReplyError) for reply in one.pipeline(writes))
    cluster.pipeline(writes)
    for each in (one, conn):
        each("FT.CREATE", "e", "ON", "JSON", "PREFIX", 1, "e:", "SCHEMA", "$.n", "AS", "n", "NUMERIC", "SORTABLE", "$.s", "AS", "s", "TEXT")
        eventually(lambda: each("FT.SEARCH", "e", "*", "LIMIT", 0, 0)["total_results"] == len(documents))
    expand = ["FORMAT", "EXPAND", "DIALECT", 3]
    for more in (expand, ["RETURN", 3, "n", "s", "$.deep", *expand], ["WITHSORTKEYS", "LIMIT", 5, 20, *expand], ["DIALECT", 3], ["RETURN", 2, "s", "$.x"]):
        query = ["FT.SEARCH", "e", "*", "SORTBY", "n", *more]
        assert conn(*query) == one(*query)
    with pytest.raises(ReplyError):
        nodes(cluster)[0]("FT.SEARCH", "e", "*", *expand)  # RESP2
    for each in (one, conn):
        assert each("FT.DROPINDEX", "e", "DD") == "OK"
    everywhere(cluster, ["FT._LIST"], [b"i"])


def test_text_scores(cluster):
    """The best are those with the rare word, whichever shard they are on."""
    conn = nodes(cluster)[0]
    reply = conn("FT.SEARCH", "i", "(rare)|(common)", "WITHSCORES", "NOCONTENT", "LIMIT", 0, 6)
    assert all(int(key[2:]) % 500 == 3 for key in reply[1::2])
    scores = [float(score) for score in reply[2::2]]
    assert scores == sorted(scores, reverse=True)
    normal = conn("FT.SEARCH", "i", "rare", "WITHSCORES", "NOCONTENT", "SCORER", "BM25STD.NORM")
    assert float(normal[2]) == 1 and all(0 < float(score) <= 1 for score in normal[2::2])


def test_errors_are_those_of_one_node(cluster, whole):
    for command in (["FT.SEARCH", "i", "@nothing:x"], ["FT.SEARCH", "none", "*"], ["FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@x"], ["FT.TAGVALS", "i", "n"]):
        with pytest.raises(ReplyError) as expected:
            whole.connect()(*command)
        for conn in nodes(cluster):
            with error(str(expected.value)):
                conn(*command)
    conn = nodes(cluster)[0]
    conn("MULTI")
    conn("FT.SEARCH", "i", "*")
    (reply,) = conn("EXEC")
    assert isinstance(reply, ReplyError) and "transaction" in str(reply)


def everywhere(cluster, command, expected):
    for conn in nodes(cluster):
        eventually(lambda: sorted(conn(*command)) == sorted(expected), timeout=20)


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


class Asking:
    """Asks all the time while the test goes on, and keeps what was wrong."""

    def __init__(self, cluster, may_fail=False):
        self.wrong, self.errors, self.answers, self.stop = [], [], 0, threading.Event()
        self.may_fail = may_fail
        self.connections = [server.connect(timeout=30) for server in cluster.servers[:1]]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        conn = self.connections[0]
        while not self.stop.is_set():
            for command in (
                ["FT.SEARCH", "i", "@n:[0 +inf]", "NOCONTENT", "LIMIT", 0, 2 * COUNT],
                ["FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c"],
            ):
                try:
                    reply = conn(*command)
                except ReplyError as refused:
                    self.errors.append(str(refused))
                    continue
                except Exception as broken:
                    self.wrong.append(repr(broken))
                    return
                self.answers += 1
                if command[0] == "FT.SEARCH":
                    keys = reply[1:]
                    if len(keys) != COUNT or len(set(keys)) != COUNT:
                        self.wrong.append(f"{len(keys)} keys, {len(set(keys))} of them different")
                else:
                    counts = [int(dict(zip(row[::2], row[1::2]))[b"c"]) for row in reply[1:]]
                    if sum(counts) != COUNT:
                        self.wrong.append(f"counts {counts}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert not self.wrong, self.wrong[:5]
        assert self.may_fail or not self.errors, self.errors[:5]
        assert self.answers


def move(cluster, slot, source, target):
    """As redis-cli --cluster reshard does."""
    s, t = cluster.at(source), cluster.at(target)
    t("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id(source))
    s("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id(target))
    while keys := s("CLUSTER", "GETKEYSINSLOT", slot, 1):
        s("MIGRATE", "127.0.0.1", target.port, "", 0, 60_000, "KEYS", *keys)
    for conn in (t, s, *(cluster.at(master) for master in cluster.masters)):
        conn("CLUSTER", "SETSLOT", slot, "NODE", cluster.id(target))


def slots_of(cluster, keys, owner):
    """Different slots of keys that a node has."""
    found = {cluster.owner(key)[1] for key in keys if cluster.owner(key)[0] is owner}
    return sorted(found)


def test_slots_move_and_nodes_join(other, kind):
    source, target = other.masters[0], other.masters[1]
    slots = slots_of(other, [f"d:{i}" for i in range(60)], source)[:8]
    with Asking(other):
        for slot in slots:
            move(other, slot, source, target)
    if kind == "valkey91":
        slots = slots_of(other, [f"d:{i}" for i in range(200)], target)[:3]
        with Asking(other):
            for slot in slots:
                conn = other.at(target)
                assert conn("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", other.id(source)) == "OK"
                eventually(lambda: b"success" in conn("CLUSTER", "GETSLOTMIGRATIONS")[0])
    joined = Server(kind, *source.config)
    other.servers.append(joined)
    other.at(joined)("CLUSTER", "MEET", "127.0.0.1", source.port, source.bus_port)
    eventually(lambda: all(other.healthy(server) for server in other.servers))
    conn = other.at(joined)
    eventually(lambda: conn("FT._LIST") == [b"i"])
    # The others drop messages of a node that they have only just met: it asks again.
    assert conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 20_000) == [COUNT]
    other.masters.append(joined)
    slots = slots_of(other, [f"d:{i}" for i in range(100)], other.masters[2])[:3]
    with Asking(other):
        for slot in slots:
            move(other, slot, other.masters[2], joined)
    assert conn("FT.CHECK", "i") > 0


def test_links_break(cluster):
    """What was on a link that breaks is sent again, and counts once."""
    rng = random.Random(4)

    def directions(a, b):
        links = [dict(zip(link[::2], link[1::2])) for link in cluster.at(a)("CLUSTER", "LINKS")]
        return {link[b"direction"] for link in links if link[b"node"].decode() == cluster.id(b)}

    with Asking(cluster) as asking:
        for _ in range(20):
            a, b = rng.sample(cluster.servers, 2)
            # Redis 7.0 does not survive that a link is to be killed that is not there.
            eventually(lambda: len(directions(a, b)) == 2)
            cluster.at(a)("DEBUG", "CLUSTERLINK", "KILL", rng.choice(["TO", "FROM"]), cluster.id(b))
            before = asking.answers
            eventually(lambda: asking.answers > before or asking.wrong)


@pytest.mark.parametrize("other", [2000], indirect=True)
def test_primaries_die(other):
    eventually(lambda: all(other.at(r)("DBSIZE") == other.at(m)("DBSIZE") for m, r in zip(other.masters, other.replicas)))
    victim, heir = other.masters[2], other.replicas[2]
    with Asking(other, may_fail=True) as asking:
        victim.kill()
        eventually(lambda: other.at(heir)("ROLE")[0] == b"master")
        before = asking.answers
        eventually(lambda: asking.answers > before + 4)
    conn = other.at(other.masters[0])
    assert conn("FT.CREATE", "later", "SCHEMA", "x", "TAG") == "OK"
    eventually(lambda: sorted(other.at(heir)("FT._LIST")) == [b"i", b"later"])
    heir.kill()
    address = f"127.0.0.1:{heir.port}"
    eventually(lambda: b"fail" in next(n for n in conn("CLUSTER", "NODES").splitlines() if address.encode() in n).split()[2])
    with error(f"ERR shard {address} did not answer"):
        conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 100)
    some = conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "PARTIAL")[0]
    assert 0 < some < COUNT
    conn("CONFIG", "SET", "vectorset.search-partial", "yes")
    assert conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [some]
    reply = other.masters[0].connect(protocol=3)("FT.SEARCH", "i", "*", "LIMIT", 0, 0)
    assert reply["warning"] == ["Some shards did not answer: results are partial"]
    assert reply["total_results"] == some
    # One that was away learns what happened.
    assert conn("FT.DROPINDEX", "later") == "OK"
    heir.start()
    eventually(lambda: other.at(heir)("FT._LIST") == [b"i"])


def test_a_frozen_node_ends_no_patience(other):
    import signal

    conn, frozen = other.at(other.masters[0]), other.masters[1]
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        try:
            reply = conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 100)
            assert reply == [COUNT]  # a replica has answered in its place
        except ReplyError as refused:
            assert str(refused) == f"ERR shard 127.0.0.1:{frozen.port} did not answer"
        assert conn("PING") == "PONG"
    finally:
        frozen.process.send_signal(signal.SIGCONT)
