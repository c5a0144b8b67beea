"""Search over JSON documents: documents with several vectors against brute force, values of several, the forms of dialect 3."""

import json
import random

import numpy as np
import pytest
from redis.commands.search.field import NumericField, TagField, TextField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

from resp import ReplyError
from seeds import new_seed
from servers import Server

DISTANCES = {
    "COSINE": lambda a, b: 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    "L2": lambda a, b: (a - b) @ (a - b),
    "IP": lambda a, b: 1 - a @ b,
}


pytestmark = pytest.mark.usefixtures("has_search")


def create(c, path="$.vs[*]", algorithm="HNSW", metric="L2", kind="FLOAT32", *more):
    vector = ["VECTOR", algorithm, 6, "TYPE", kind, "DIM", 4, "DISTANCE_METRIC", metric]
    fields = [path, "AS", "v", *vector, "$.tags[*]", "AS", "tags", "TAG", "$.n", "AS", "n", "NUMERIC", *more]
    assert c("FT.CREATE", "idx", "ON", "JSON", "PREFIX", 1, "doc:", "SCHEMA", *fields) == "OK"


class Twin:
    """What the documents hold, and what a query should find."""

    def __init__(self, c, metric):
        self.c, self.distance, self.documents = c, DISTANCES[metric], {}

    def put(self, name, vectors, tags):
        self.documents[name] = ([np.array(v, "f4") for v in vectors], tags)
        self.c("JSON.SET", name, "$", json.dumps({"vs": [np.array(v, "f4").tolist() for v in vectors], "tags": tags, "n": len(vectors)}))

    def delete(self, name):
        del self.documents[name]
        self.c("DEL", name)

    def distances(self, query, tag=None):
        """Of each document the nearest of its vectors."""
        found = {}
        for name, (vectors, tags) in self.documents.items():
            if vectors and (tag is None or tag in tags):
                found[name] = min(float(self.distance(v.astype(float), query.astype(float))) for v in vectors)
        return dict(sorted(found.items(), key=lambda pair: pair[1]))


def ask(c, query, vector, *more):
    reply = c("FT.SEARCH", "idx", query, "PARAMS", 2, "v", vector.astype("f4").tobytes(), "RETURN", 1, "d", "SORTBY", "d", "TIMEOUT", 0, "DIALECT", 2, *more)
    return reply[0], {reply[i].decode(): float(reply[i + 1][1]) for i in range(1, len(reply), 2)}


def same(found, expected):
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-5, abs=1e-5)
    assert len(set(found) ^ set(expected)) <= 0, (found, expected)


@pytest.mark.parametrize("algorithm", ["FLAT", "HNSW"])
@pytest.mark.parametrize("metric", DISTANCES)
def test_several_vectors(c, algorithm, metric):
    """A document is as near as the nearest of its vectors, and found once, through changes of all kinds."""
    seed = new_seed()
    print(f"seed {seed}")
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    create(c, algorithm=algorithm, metric=metric)
    twin = Twin(c, metric)
    some = lambda: numbers.normal(size=(rng.randrange(6), 4))  # noqa: E731
    for step in range(150):
        name = f"doc:{rng.randrange(60)}"
        if name in twin.documents and rng.random() < 0.3:
            twin.delete(name)
        else:
            twin.put(name, some(), rng.sample(["a", "b", "c"], 2))
        if name in twin.documents and rng.random() < 0.2:
            more = numbers.normal(size=4).astype("f4")
            c("JSON.ARRAPPEND", name, "$.vs", json.dumps(more.tolist()))
            twin.documents[name][0].append(more)
        if step % 5 == 4:
            query = numbers.normal(size=4).astype("f4")
            k = rng.choice([1, 3, 10, 100])
            total, found = ask(c, f"*=>[KNN {k} @v $v AS d]", query, "LIMIT", 0, 1000)
            expected = dict(list(twin.distances(query).items())[:k])
            assert total == len(expected)
            same(found, expected)
            total, found = ask(c, f"(@tags:{{a}})=>[KNN {k} @v $v AS d]", query, "LIMIT", 0, 1000)
            same(found, dict(list(twin.distances(query, "a").items())[:k]))
            if metric != "IP":
                every = twin.distances(query)
                # Not at a document, where rounding would decide.
                radius = (sorted(every.values()) or [1])[len(every) // 2] * 1.0001 + 1e-6
                wide = "; $EPSILON: 1" if algorithm == "HNSW" else ""
                total, found = ask(c, f"@v:[VECTOR_RANGE {radius} $v]=>{{$YIELD_DISTANCE_AS: d{wide}}}", query, "LIMIT", 0, 1000)
                same(found, {name: d for name, d in every.items() if d <= radius})
    assert c("FT.CHECK", "idx") == c("FT.SEARCH", "idx", "*", "LIMIT", 0, 0)[0]


def test_several_vectors_kept(server):
    own = Server(server.kind, ("appendonly", "yes"))
    try:
        c = own.connect()
        create(c)
        twin = Twin(c, "L2")
        numbers = np.random.default_rng(3)
        for i in range(40):
            twin.put(f"doc:{i}", numbers.normal(size=(i % 4, 4)), ["a"])
        query = numbers.normal(size=4)
        expected = dict(list(twin.distances(query.astype("f4")).items())[:5])
        for kill in (True, False):
            own.restart(kill=kill)
            found = ask(own.connect(), "*=>[KNN 5 @v $v AS d]", query, "LIMIT", 0, 10)[1]
            same(found, expected)
            own.connect()("SAVE")
    finally:
        own.remove()


@pytest.mark.parametrize(
    "path, document, counted",
    [
        ("$.vs[*]", {"vs": [[1, 2, 3, 4], None, [5, 6, 7, 8]]}, 1),  # null is skipped
        ("$.vs[*]", {"vs": [[1, 2, 3, 4], [1, 2, 3]]}, 0),
        ("$.vs[*]", {"vs": [[1, 2, 3, 4], "x"]}, 0),
        ("$.vs[*]", {"vs": []}, 1),
        ("$.vs[*]", {}, 1),
        ("$..v", {"v": [1, 2, 3, 4], "a": {"v": [1, 2, 3, 5]}}, 1),
        ("$.*.v", {"a": {"v": [1, 2, 3, 4]}, "b": {"v": [1, 2, 3, 5]}}, 1),
        ("$.v", {"v": [1, 2, 3, 4]}, 1),
        ("$.v", {"v": [[1, 2, 3, 4]]}, 0),  # one vector, no list of them
        ("$.v", {"v": [1, 2, 3, "4"]}, 0),
        ("$.v", {"v": [1, 2, 3, None]}, 0),
        ("$.v", {"v": [1, 2, 3, 1e300]}, 0),
        ("$.v", {"v": {"a": 1}}, 0),
        ("$.v", {"v": 5}, 0),
        ("$.v", {"v": None}, 1),
    ],
)
def test_forms_of_vectors(c, path, document, counted):
    create(c, path)
    c("JSON.SET", "doc:1", "$", json.dumps(document | {"n": 1}))
    assert c("FT.SEARCH", "idx", "@n:[1 1]", "NOCONTENT")[0] == counted
    info = c("FT.INFO", "idx")
    assert int(info[info.index("hash_indexing_failures") + 1]) == 1 - counted
    # It can be mended.
    good = {"v": [1, 2, 3, 4], "vs": [[1, 2, 3, 4]], "a": {"v": [1, 2, 3, 4]}} if path != "$.*.v" else {"a": {"v": [1, 2, 3, 4]}}
    c("JSON.SET", "doc:1", "$", json.dumps(good | {"n": 1}))
    assert ask(c, "*=>[KNN 5 @v $v AS d]", np.array([1, 2, 3, 4]))[1] == {"doc:1": 0}


@pytest.mark.parametrize("kind, dtype", [("FLOAT64", "f8"), ("FLOAT16", "f2"), ("INT8", "i1"), ("UINT8", "u1")])
def test_element_types(c, kind, dtype):
    create(c, "$.vs[*]", "FLAT", "L2", kind)
    c("JSON.SET", "doc:1", "$", '{"vs":[[1,2,3,4],[9,9,9,9]]}')
    c("JSON.SET", "doc:2", "$", '{"vs":[[2,2,3,4]]}')
    reply = c("FT.SEARCH", "idx", "*=>[KNN 5 @v $v AS d]", "PARAMS", 2, "v", np.array([1, 2, 3, 4], dtype).tobytes(), "SORTBY", "d", "RETURN", 1, "d")
    assert reply == [2, b"doc:1", [b"d", b"0"], b"doc:2", [b"d", b"1"]]


DOCUMENT = {"title": "red fox", "tags": ["a", "b"], "n": 3, "nested": {"x": [1, {"y": None}]}, "flag": True, "none": None, "list": []}


def fields(row):
    return {row[i].decode(): row[i + 1].decode() for i in range(0, len(row), 2)}


def test_dialects(c):
    create(c, "$.vs[*]", "FLAT", "L2", "FLOAT32", "$.title", "AS", "title", "TEXT", "$.flag", "AS", "flag", "TAG")
    c("JSON.SET", "doc:1", "$", json.dumps(DOCUMENT))
    returned = ["RETURN", 9, "title", "tags", "n", "flag", "$.nested.x", "$.tags[*]", "$.none", "$.no", "$.list"]
    two = fields(c("FT.SEARCH", "idx", "*", *returned, "DIALECT", 2)[2])
    assert two == {"title": "red fox", "tags": "a", "n": "3", "flag": "true", "$.nested.x": '[1,{"y":null}]', "$.tags[*]": "a", "$.list": "[]"}
    three = fields(c("FT.SEARCH", "idx", "*", *returned, "DIALECT", 3)[2])
    assert {name: json.loads(text) for name, text in three.items()} == {
        "title": ["red fox"], "tags": ["a", "b"], "n": [3], "flag": [True], "$.nested.x": [[1, {"y": None}]], "$.tags[*]": ["a", "b"], "$.none": [None], "$.list": [[]],
    }  # fmt: skip
    whole = c("FT.SEARCH", "idx", "*", "DIALECT", 2)[2]
    assert json.loads(whole[1]) == DOCUMENT
    whole = c("FT.SEARCH", "idx", "*", "DIALECT", 3)[2]
    assert json.loads(whole[1]) == [DOCUMENT]
    row = c("FT.AGGREGATE", "idx", "*", "LOAD", 4, "@tags", "$.nested.x", "AS", "x", "DIALECT", 2)[1]
    assert fields(row) == {"tags": "a", "x": '[1,{"y":null}]'}


def test_expanded(clean, c3):
    if not clean.modern:
        return
    create(c3, "$.vs[*]", "FLAT", "L2", "FLOAT32", "$.title", "AS", "title", "TEXT")
    c3("JSON.SET", "doc:1", "$", json.dumps(DOCUMENT))
    reply = c3("FT.SEARCH", "idx", "*", "RETURN", 3, "title", "tags", "$.nested.x", "FORMAT", "EXPAND", "DIALECT", 3)
    text = lambda v: v.decode() if isinstance(v, bytes) else v  # noqa: E731
    [hit] = [{text(k): v for k, v in hit.items()} for hit in next(v for k, v in reply.items() if text(k) == "results")]
    found = {text(k): v for k, v in hit["extra_attributes"].items()}
    assert found["title"] == [b"red fox"] and found["tags"] == [b"a", b"b"]
    assert found["$.nested.x"] == [[1, {b"y": None}]]
    with pytest.raises(ReplyError):
        c3("FT.SEARCH", "idx", "*", "FORMAT", "EXPAND", "DIALECT", 2)


def test_expanded_rows(clean, c3):
    """Fields of documents show all of their values, typed; what steps compute is as always."""
    if not clean.modern:
        return
    fields = ["$.n", "AS", "n", "NUMERIC", "SORTABLE", "$.tags[*]", "AS", "tags", "TAG", "$.title", "AS", "title", "TEXT"]
    c3("FT.CREATE", "idx", "ON", "JSON", "SCHEMA", *fields)
    for n in range(3):
        c3("JSON.SET", f"doc:{n}", "$", json.dumps(DOCUMENT | {"n": n}))
    expand = ["FORMAT", "EXPAND", "DIALECT", 3]
    text = lambda v: v.decode() if isinstance(v, bytes) else v  # noqa: E731

    def rows(*words):
        reply = c3("FT.AGGREGATE", "idx", "*", *words)
        reply = {text(k): v for k, v in reply.items()}
        assert text(reply["format"]) == "EXPAND"
        return [{text(k): v for k, v in {text(k): v for k, v in row.items()}["extra_attributes"].items()} for row in reply["results"]]

    load = ["LOAD", 6, "title", "tags", "$.nested.x", "$.flag", "$.none", "$.absent", "SORTBY", 2, "@n", "ASC", "LIMIT", 1, 1]
    row = {"title": [b"red fox"], "tags": [b"a", b"b"], "$.nested.x": [[1, {b"y": None}]], "$.flag": [True], "$.none": [None], "n": [1]}
    assert rows(*load, *expand) == [row]
    [row] = rows("LOAD", "*", "SORTBY", 2, "@n", "DESC", "LIMIT", 0, 1, *expand)
    assert row["n"] == [2] and row["$"][0][b"list"] == [] and row["$"][0][b"nested"] == {b"x": [1, {b"y": None}]}
    [row] = rows("LOAD", 1, "@n", "APPLY", "@n + 1", "AS", "n", "FILTER", "@n > 2", *expand)
    assert row == {"n": b"3"}
    [row] = rows("GROUPBY", 1, "@title", "REDUCE", "COUNT", 0, "AS", "count", *expand)
    assert row == {"title": b"red fox", "count": b"3"}
    page, cursor = c3("FT.AGGREGATE", "idx", "*", "LOAD", 1, "@tags", "WITHCURSOR", "COUNT", 2, *expand)
    more, _ = c3("FT.CURSOR", "READ", "idx", cursor)
    for reply, count in ((page, 2), (more, 1)):
        reply = {text(k): v for k, v in reply.items()}
        found = [{text(k): v for k, v in row.items()}["extra_attributes"] for row in reply["results"]]
        assert text(reply["format"]) == "EXPAND" and found == [{b"tags": [b"a", b"b"]}] * count
    for wrong in (["FORMAT", "EXPAND", "DIALECT", 2], ["FORMAT", "expanded"]):
        with pytest.raises(ReplyError):
            c3("FT.AGGREGATE", "idx", "*", *wrong)


def test_values_of_several(c):
    fields = ["$.names[*]", "AS", "name", "TEXT", "$.ns[*]", "AS", "n", "NUMERIC", "$.places[*]", "AS", "p", "GEO", "$.tags", "AS", "t", "TAG", "SEPARATOR", ","]
    c("FT.CREATE", "idx", "ON", "JSON", "SCHEMA", *fields)
    c("JSON.SET", "1", "$", json.dumps({"names": ["red fox", "lazy dog"], "ns": [1, 50], "places": ["2.34,48.85", "13.4,52.5"], "tags": "x,y"}))
    c("JSON.SET", "2", "$", json.dumps({"names": ["red dog"], "ns": [20], "places": [], "tags": ["x,y", "z"]}))
    for query, found in [
        ("@name:(fox dog)", {b"1"}),
        ("@name:dog", {b"1", b"2"}),
        ('@name:"fox lazy"', set()),
        ("@n:[40 60]", {b"1"}),
        ("@n:[2 49]", {b"2"}),
        ("@p:[13.4 52.5 1 km]", {b"1"}),
        ("@t:{y}", {b"1", b"2"}),
        ("@t:{z}", {b"2"}),
    ]:
        reply = c("FT.SEARCH", "idx", query, "NOCONTENT", "DIALECT", 2)
        assert set(reply[1:]) == found, query


@pytest.fixture(params=[2, 3])
def r(clean, request):
    # Redis 6.2 has no RESP3 for modules.
    client = clean.client(request.param if clean.modern else 2, decode_responses=True)
    yield client
    client.close()


def found(reply):
    """Keys and fields, in either protocol's form."""
    if isinstance(reply, dict):
        return {row["id"]: row["extra_attributes"] for row in reply["results"]}
    return {doc.id: {k: v for k, v in vars(doc).items() if k not in ("id", "payload")} for doc in reply.docs}


def whole(fields):
    return json.loads(fields.get("json") or fields["$"])


def test_redis_py(r):
    """What redis-py's own tests ask of documents."""
    ft = r.ft("idx")
    definition = IndexDefinition(prefix=["king:"], index_type=IndexType.JSON)
    assert ft.create_index((TextField("$.name", sortable=True, as_name="name"), NumericField("$.num", as_name="num")), definition=definition)
    for key, document in {"king:1": {"name": "henry", "num": 42}, "king:2": {"name": "james", "num": 3.14}}.items():
        assert r.json().set(key, "$", document)
    [(key, fields)] = found(ft.search("@name:henry")).items()
    assert key == "king:1" and whole(fields) == {"name": "henry", "num": 42}
    [(key, fields)] = found(ft.search("@num:[0 10]")).items()
    assert key == "king:2" and whole(fields) == {"name": "james", "num": 3.14}
    with pytest.raises(Exception):
        ft.search("@$.name:henry")
    assert found(ft.search(Query("henry").return_fields("name", "num"))) == {"king:1": {"name": "henry", "num": "42"}}
    assert found(ft.search(Query("henry").return_field("$.num", as_field="n"))) == {"king:1": {"n": "42"}}
    sorted_by = ft.search(Query("*").sort_by("name", asc=False).return_field("$.name", as_field="x"))
    assert list(found(sorted_by).items()) == [("king:2", {"x": "james"}), ("king:1", {"x": "henry"})]
    ft.dropindex()
    assert ft.create_index((TagField("$..name", as_name="name"),), definition=definition)
    r.json().set("king:1", "$", {"name": "henry", "country": {"name": "england"}})
    assert list(found(ft.search("@name:{england}"))) == ["king:1"] == list(found(ft.search("@name:{henry}")))
    ft.dropindex()
    fields = (TextField('$["prod:name"]', as_name="name"), TextField("$.prod:name", as_name="name_unsupported"))
    assert ft.create_index(fields, definition=IndexDefinition(index_type=IndexType.JSON))
    r.json().set("doc:1", "$", {"prod:name": "RediSearch"})
    [(key, fields)] = found(ft.search("@name:RediSearch")).items()
    assert key == "doc:1" and whole(fields) == {"prod:name": "RediSearch"}
    assert list(found(ft.search("@name_unsupported:RediSearch"))) == ["doc:1"]
    assert found(ft.search(Query("@name:RediSearch").return_field("name_unsupported"))) == {"doc:1": {"name_unsupported": "RediSearch"}}
    assert found(ft.search(Query("@name:RediSearch").return_field("$:prod:name"))) == {"doc:1": {}}
