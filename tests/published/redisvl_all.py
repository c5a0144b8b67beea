"""RedisVL: SearchIndex with every query class over hashes and JSON; semantic cache, message history, router."""

import asyncio

import numpy as np
import redisvl
from redis import Redis
from redisvl.index import AsyncSearchIndex, SearchIndex
from redisvl.query import CountQuery, FilterQuery, VectorQuery, VectorRangeQuery
from redisvl.query.filter import Geo, GeoRadius, Num, Tag, Text

from stub import DIM, URL, embed, embed_many

NEW = tuple(int(x) for x in redisvl.__version__.split(".")[:2]) >= (0, 10)
PEOPLE = [
    ("john", 18, "engineer builds bridges", "high", "-122.4194,37.7749"),
    ("mary", 14, "doctor heals people", "low", "-122.4194,37.7749"),
    ("nancy", 94, "doctor of many people", "high", "-122.4194,37.7749"),
    ("tyler", 100, "engineer of software", "medium", "-110.0839,37.3861"),
    ("tim", 12, "dermatologist heals skin", "low", "-110.0839,37.3861"),
    ("taimur", 15, "CEO of a company", "low", "-110.0839,37.3861"),
    ("joe", 35, "dentist heals teeth", "medium", "-110.0839,37.3861"),
]


def schema(storage, algorithm):
    return {
        "index": {"name": f"people-{storage}-{algorithm}", "prefix": f"p-{storage}-{algorithm}", "storage_type": storage},
        "fields": [
            {"name": "user", "type": "tag"},
            {"name": "credit", "type": "tag"},
            {"name": "job", "type": "text"},
            {"name": "age", "type": "numeric", "attrs": {"sortable": True}},
            {"name": "location", "type": "geo"},
            {"name": "embedding", "type": "vector", "attrs": {"dims": DIM, "distance_metric": "cosine", "algorithm": algorithm, "datatype": "float32"}},
        ],
    }


def data(storage):
    rows = []
    for user, age, job, credit, location in PEOPLE:
        vector = embed(job) if storage == "json" else np.array(embed(job), dtype=np.float32).tobytes()
        rows.append({"user": user, "age": age, "job": job, "credit": credit, "location": location, "embedding": vector})
    return rows


def users(results):
    return [row["user"] for row in results]


def nearest(text):
    return [p[0] for p in sorted(PEOPLE, key=lambda p: -np.dot(embed(p[2]), embed(text)))]


def check_index(storage, algorithm):
    index = SearchIndex.from_dict(schema(storage, algorithm), redis_url=URL)
    index.create(overwrite=True, drop=True)
    index.create(overwrite=True, drop=True)
    assert index.exists()
    keys = index.load(data(storage), id_field="user")
    assert len(keys) == len(PEOPLE)
    vector = embed("a doctor heals people")
    fields = ["user", "age", "credit"]
    found = index.query(VectorQuery(vector, "embedding", return_fields=fields, num_results=4))
    assert users(found)[:3] == nearest("a doctor heals people")[:3], users(found)
    assert all("vector_distance" in row for row in found)
    found = index.query(VectorQuery(vector, "embedding", fields, filter_expression=(Tag("credit") == "low") & (Num("age") < 15)))
    assert set(users(found)) == {"mary", "tim"}
    found = index.query(VectorRangeQuery(vector, "embedding", fields, distance_threshold=0.7))
    assert set(users(found)) == {p[0] for p in PEOPLE if 1 - np.dot(embed(p[2]), vector) <= 0.7}
    found = index.query(VectorRangeQuery(vector, "embedding", fields, distance_threshold=1.5, filter_expression=Tag("credit") != "low"))
    assert set(users(found)) <= {"john", "nancy", "tyler", "joe"}
    query = FilterQuery(filter_expression=Num("age") > 14, return_fields=fields)
    query.sort_by("age", asc=False)
    assert users(index.query(query)) == ["tyler", "nancy", "joe", "john", "taimur"]
    assert index.query(CountQuery(filter_expression=Text("job") % "eng*")) == 2
    assert index.query(CountQuery(filter_expression=Text("job") == "doctor heals")) == 1
    assert index.query(CountQuery(filter_expression=Geo("location") == GeoRadius(-122.4194, 37.7749, 10, "km"))) == 3
    assert index.query(CountQuery(filter_expression=(Tag("user") == ["john", "joe"]) | (Num("age") == 100))) == 3
    assert [len(page) for page in index.paginate(FilterQuery(return_fields=fields, num_results=7), page_size=3)] == [3, 3, 1]
    assert index.info()["num_docs"] == len(PEOPLE)
    assert index.fetch("john")["user"] == "john"
    if NEW:
        hybrid(index, vector)
        existing = SearchIndex.from_existing(index.name, redis_url=URL).schema.to_dict()
        assert [field["name"] for field in existing["fields"]] == [field["name"] for field in index.schema.to_dict()["fields"]]
    assert index.name in index.listall()
    assert index.clear() == len(PEOPLE) and index.query(CountQuery()) == 0
    index.delete(drop=True)
    assert not index.exists()


def hybrid(index, vector):
    from redisvl.query import AggregateHybridQuery, HybridQuery, MultiVectorQuery, TextQuery, Vector

    text = index.query(TextQuery("doctor people", "job", return_fields=["user"], stopwords=None))
    assert set(users(text)) >= {"mary", "nancy"}
    both = AggregateHybridQuery("doctor people", "job", vector, "embedding", return_fields=["user"], stopwords=None, num_results=3)
    assert users(index.query(both))[0] in ("mary", "nancy")
    several = MultiVectorQuery([Vector(vector=vector, field_name="embedding"), Vector(vector=embed("engineer"), field_name="embedding", weight=0.5)], return_fields=["user"], num_results=3)
    assert len(index.query(several)) == 3
    for method in ("RRF", "LINEAR"):
        fused = HybridQuery("doctor people", "job", vector, "embedding", return_fields=["user"], stopwords=None, num_results=3, combination_method=method)
        assert users(index.query(fused))[0] in ("mary", "nancy")


async def check_async():
    index = AsyncSearchIndex.from_dict(schema("hash", "hnsw"), redis_url=URL)
    await index.create(overwrite=True, drop=True)
    await index.load(data("hash"), id_field="user")
    found = await index.query(VectorQuery(embed("engineer"), "embedding", ["user"], num_results=2))
    assert len(found) == 2
    await index.delete(drop=True)
    await index.disconnect()


def vectorizer():
    if NEW:
        from redisvl.utils.vectorize import CustomVectorizer

        return CustomVectorizer(embed=embed, embed_many=embed_many)
    from redisvl.utils.vectorize import CustomTextVectorizer

    return CustomTextVectorizer(embed=embed, embed_many=embed_many)


def check_extensions():
    from redisvl.extensions.router import Route, SemanticRouter

    if NEW:
        from redisvl.extensions.cache.llm import SemanticCache
        from redisvl.extensions.message_history import MessageHistory, SemanticMessageHistory
    else:
        from redisvl.extensions.llmcache import SemanticCache
        from redisvl.extensions.session_manager import SemanticSessionManager as SemanticMessageHistory
        from redisvl.extensions.session_manager import StandardSessionManager as MessageHistory
    options = {"redis_url": URL, "vectorizer": vectorizer(), "overwrite": True}
    cache = SemanticCache("cache", distance_threshold=0.3, filterable_fields=[{"name": "label", "type": "tag"}], **options)
    cache.store("what is the capital of France", "Paris", filters={"label": "geo"})
    assert cache.check("what is the capital of France")[0]["response"] == "Paris"
    assert cache.check("recipe for soup") == []
    assert cache.check("what is the capital of France", filter_expression=Tag("label") == "other") == []
    if NEW:  # the old one asks for a later version of a module that it knows
        fields = [{"name": "label", "type": "tag"}]
        again = SemanticCache("cache", distance_threshold=0.3, filterable_fields=fields, redis_url=URL, vectorizer=options["vectorizer"])
        assert again.check("what is the capital of France")
    cache.clear()
    cache.delete()
    history = MessageHistory("history", redis_url=URL)
    for i in range(4):
        history.store(f"question {i}", f"answer {i}")
    assert [m["content"] for m in history.get_recent(top_k=2)] == ["question 3", "answer 3"]
    history.delete()
    meaning = SemanticMessageHistory("meaning", redis_url=URL, vectorizer=options["vectorizer"], distance_threshold=0.6)
    meaning.store("apples are red fruit", "yes they are")
    meaning.store("cars have four wheels", "indeed")
    assert meaning.get_relevant("red apples fruit")[0]["content"] == "apples are red fruit"
    meaning.delete()
    routes = [
        Route(name="technology", references=["what are the latest advancements in ai", "new gadgets and ai"], distance_threshold=0.7),
        Route(name="sports", references=["who won the game last night", "upcoming sports game events"], distance_threshold=0.7),
    ]
    router = SemanticRouter("router", routes=routes, **options)
    assert router("latest advancements in ai and gadgets").name == "technology"
    assert router("who won the sports game").name == "sports"
    assert router("xyzzy plugh").name is None
    assert [match.name for match in router.route_many("who won the game", max_k=2)][0] == "sports"
    router.delete()


Redis.from_url(URL).flushall()
for kind in ("hash", "json"):
    for way in ("flat", "hnsw"):
        check_index(kind, way)
asyncio.run(check_async())
check_extensions()
print("all good")
