"""redis-py 5 and 8 as tutorials use them: HASH and JSON, FLAT and HNSW, KNN, filters, ranges, raw commands."""

import json

import numpy as np
import redis
from redis.commands.search.field import NumericField, TagField, TextField, VectorField
from redis.commands.search.query import Query

from stub import DIM, URL, embed

try:
    from redis.commands.search.index_definition import IndexDefinition, IndexType
except ImportError:
    from redis.commands.search.indexDefinition import IndexDefinition, IndexType

TEXTS = ["the cat sat on the mat", "a dog chased the cat", "stocks fell sharply today", "markets and stocks rallied", "a mat for the dog"]


def blob(text):
    return np.array(embed(text), dtype=np.float32).tobytes()


def nearest(text):
    best = [np.dot(embed(text), embed(t)) for t in TEXTS]
    return sorted(range(len(TEXTS)), key=lambda i: (-best[i], i))


def create(client, name, kind, algorithm, prefix):
    attributes = {"TYPE": "FLOAT32", "DIM": DIM, "DISTANCE_METRIC": "COSINE"}
    if algorithm == "HNSW":
        attributes |= {"M": 16, "EF_CONSTRUCTION": 200}
    path = (lambda field: "$." + field) if kind == IndexType.JSON else (lambda field: field)
    schema = (
        TextField(path("text"), as_name="text"),
        TagField(path("topic"), as_name="topic"),
        NumericField(path("year"), as_name="year"),
        VectorField(path("vector"), algorithm, attributes, as_name="vector"),
    )
    client.ft(name).create_index(schema, definition=IndexDefinition(prefix=[prefix], index_type=kind))


def load(client, kind, prefix, as_hex=False):
    pipe = client.pipeline(transaction=False)
    for i, text in enumerate(TEXTS):
        fields = {"text": text, "topic": "animals" if i in (0, 1, 4) else "money", "year": 2000 + i}
        if kind == IndexType.HASH:
            pipe.hset(f"{prefix}{i}", mapping={**fields, "vector": blob(text)})
        else:
            vector = blob(text).hex() if as_hex else embed(text)
            pipe.json().set(f"{prefix}{i}", "$", {**fields, "vector": vector})
    pipe.execute()


def ids(result):
    return [doc.id for doc in result.docs]


def check(client, name, prefix):
    index = client.ft(name)
    asked = {"vec": blob("a cat on a mat")}
    expected = [f"{prefix}{i}" for i in nearest("a cat on a mat")]
    knn = Query("*=>[KNN 3 @vector $vec AS score]").sort_by("score").return_fields("text", "score").dialect(2)
    found = index.search(knn, asked)
    assert ids(found) == expected[:3], (ids(found), expected)
    assert abs(float(found.docs[0].score) - (1 - np.dot(embed("a cat on a mat"), embed(TEXTS[int(expected[0][len(prefix) :])])))) < 1e-5
    filtered = Query("(@topic:{money})=>[KNN 3 @vector $vec AS score]").sort_by("score").dialect(2).no_content()
    assert set(ids(index.search(filtered, asked))) == {f"{prefix}2", f"{prefix}3"}
    near = Query("@vector:[VECTOR_RANGE $r $vec]=>{$YIELD_DISTANCE_AS: score}").sort_by("score").dialect(2).paging(0, 10)
    within = [e for e in expected if 1 - np.dot(embed("a cat on a mat"), embed(TEXTS[int(e[len(prefix) :])])) <= 0.9]
    assert ids(index.search(near, {**asked, "r": 0.9})) == within
    assert set(ids(index.search(Query("@text:(stocks) @year:[2003 inf]").dialect(2)))) == {f"{prefix}3"}
    assert index.info()["index_name"] in (name, name.encode())
    raw = client.execute_command("FT.SEARCH", name, "*=>[KNN 2 @vector $v]", "PARAMS", "2", "v", asked["vec"], "RETURN", "2", "__key", "text", "DIALECT", "2")
    assert str(expected[0]) in str(raw)
    assert str(expected[0]) in str(client.execute_command("FT.SEARCH", name, "*=>[KNN 2 @vector $v]", "PARAMS", "2", "v", asked["vec"], "RETURN", "1", "__key"))


def main():
    client = redis.Redis.from_url(URL, decode_responses=False)
    client.flushall()
    for kind in (IndexType.HASH, IndexType.JSON):
        for algorithm in ("FLAT", "HNSW"):
            name, prefix = f"{kind.name}-{algorithm}", f"{kind.name}:{algorithm}:"
            create(client, name, kind, algorithm, prefix)
            load(client, kind, prefix)
            text = redis.Redis.from_url(URL, decode_responses=True)
            check(text, name, prefix)
            if algorithm == "HNSW":
                runtime = Query("*=>[KNN 2 @vector $v EF_RUNTIME $ef]").dialect(2).no_content()
                assert len(text.ft(name).search(runtime, {"v": blob("dog"), "ef": 50}).docs) == 2
    create(client, "hex", IndexType.JSON, "FLAT", "hex:")
    load(client, IndexType.JSON, "hex:", as_hex=True)
    check(redis.Redis.from_url(URL, decode_responses=True), "hex", "hex:")
    # As published: no count after HNSW, and a JSON object of attributes.
    client.execute_command(
        "FT.CREATE", "loose", "ON", "JSON", "PREFIX", "1", "loose:", "SCHEMA", "$.text", "AS", "text", "TEXT",
        "$.vector", "AS", "vector", "VECTOR", "HNSW", "TYPE", "FLOAT32", "DIM", str(DIM), "DISTANCE_METRIC", "COSINE",
        "PARAMS", json.dumps({"M": 16, "EF_CONSTRUCTION": 200}),
    )  # fmt: skip
    client.execute_command("JSON.SET", "loose:1", "$", json.dumps({"text": "hello", "vector": embed("hello")}))
    assert b"loose:1" in str(client.execute_command("FT.SEARCH", "loose", "*=>[KNN 1 @vector $v]", "PARAMS", "2", "v", blob("hello"), "DIALECT", "2")).encode()
    print("all good")


main()
