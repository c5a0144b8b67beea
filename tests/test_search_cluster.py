"""FT.* over a cluster of three primaries and three replicas: answers are those of one node with all documents."""

import json
import random

import pytest

from resp import ReplyError, error
from search_cluster import COLOURS, COUNT, DIM, cluster, everywhere, kind, nodes, whole  # noqa: F401
from servers import all_linked, eventually
from vectors import fp32, random_vectors


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
    # A reply of many items that has few bytes.
    ["@n:[0 100000000]", "SORTBY", "n", "NOCONTENT", "WITHSCORES", "WITHPAYLOADS", "WITHSORTKEYS", "LIMIT", 0, 1000],
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

    for conn in (*nodes(cluster), whole.connect()):
        all_linked(conn)  # what waits is compared in any case
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
    both = nodes(cluster)[1]("FT.HYBRID", "i", "SEARCH", "rare", "VSIM", "@f", "$q", "EXPLAINSCORE", "PARAMS", 2, "q", vector)
    rows = dict(zip(both[::2], both[1::2]))["results"]
    assert all(row[0] == b"score" and len(row[1]) == 2 for row in rows) and any("Text: rank" in repr(row) and "rare" in repr(row) for row in rows)


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
    for more in (["LOAD", 3, "s", "$.deep", "$.x"], ["LOAD", "*"], ["LOAD", 1, "s", "WITHCURSOR", "COUNT", 100]):
        query = ["FT.AGGREGATE", "e", "*", *more, "SORTBY", 2, "@n", "ASC", "MAX", 20, *expand]
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


GROUPS = ["*", "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c", "SORTBY", 2, "@g", "ASC"]
NEAREST = ["*=>[KNN 5 @f $q AS d]", "PARAMS", 2, "q", fp32(random_vectors(1, DIM, seed=4)[0]), "RETURN", 1, "d", "DIALECT", 2]


@pytest.mark.parametrize("what, query, iterator", [("SEARCH", QUERIES[2], "TAG"), ("SEARCH", NEAREST, "VECTOR"), ("AGGREGATE", GROUPS, "WILDCARD")])
def test_profiles_tell_of_each_shard(cluster, whole, what, query, iterator):
    """The reply is the command's own; each shard tells what its part took, and the node that was asked what the whole took."""
    for server in cluster.servers[:2] + cluster.servers[-1:]:
        conn = server.connect(protocol=3)
        reply = conn("FT.PROFILE", "i", what, "LIMITED", "QUERY", *query)
        assert reply["Results"] == conn("FT." + what, "i", *query)
        shards, coordinator = reply["Profile"]["Shards"], reply["Profile"]["Coordinator"]
        asked = [server if server in (master, replica) else master for master, replica in zip(cluster.masters, cluster.replicas)]
        assert [shard["Shard"] for shard in shards] == [b"127.0.0.1:%d" % node.port for node in asked]
        assert all(shard["Warning"] == ["None"] and shard["Iterators profile"]["Type"] == iterator for shard in shards)
        matches = sum(shard["Iterators profile"]["Number of reading operations"] for shard in shards)
        one = whole.connect(protocol=3)("FT.PROFILE", "i", what, "QUERY", *query)["Profile"]
        expected = one["Shards"][0]["Iterators profile"]["Number of reading operations"]
        assert matches == (3 * expected if iterator == "VECTOR" else expected)
        assert one["Shards"][0].keys() == shards[0].keys() - {"Shard"} and one["Coordinator"] == {}
        assert coordinator["Total profile time"] >= coordinator["Time waiting for shards"] > 0 <= coordinator["Merging time"]


def test_profiles_of_both_sides(cluster):
    conn = cluster.masters[1].connect(protocol=3)
    vector = fp32(random_vectors(1, DIM, seed=8)[0])
    query = ["SEARCH", "rare", "VSIM", "@f", "$q", "KNN", 2, "K", 10, "PARAMS", 2, "q", vector]
    reply = conn("FT.PROFILE", "i", "HYBRID", "QUERY", *query)
    assert reply["Results"]["results"] == conn("FT.HYBRID", "i", *query)["results"]
    assert [list(shard) for shard in reply["Profile"]["Shards"]] == [["SEARCH"], ["VSIM"]] * 3
