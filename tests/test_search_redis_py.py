"""redis-py's `ft()` as applications use it, sync and async, in both protocols."""

import asyncio
import struct

import pytest
import redis
import redis.asyncio
from redis.commands.search import aggregation, reducers
from redis.commands.search.field import GeoField, NumericField, TagField, TextField, VectorField
from redis.commands.search.query import NumericFilter, Query

try:
    from redis.commands.search.index_definition import IndexDefinition, IndexType
except ImportError:
    from redis.commands.search.indexDefinition import IndexDefinition, IndexType

# Vectors' bytes are text, since replies are decoded.
SCHEMA = (
    TextField("title", weight=5.0, sortable=True),
    TagField("tags"),
    NumericField("price", sortable=True),
    GeoField("place"),
    VectorField("v", "HNSW", {"TYPE": "FLOAT32", "DIM": 2, "DISTANCE_METRIC": "L2"}),
)


def blob(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


DOCUMENTS = {
    "doc:1": {"title": "red fox", "tags": "a,b", "price": 10, "place": "2.34,48.85", "v": blob(0, 0)},
    "doc:2": {"title": "lazy dog", "tags": "b", "price": 20, "place": "2.35,48.86", "v": blob(2, 0)},
    "doc:3": {"title": "red dog", "tags": "c", "price": 30, "place": "13.4,52.5", "v": blob(32, 32)},
}


def field(row, name):
    """A field of a document in either protocol's form."""
    return row["extra_attributes"][name] if isinstance(row, dict) else getattr(row, name)


def ids(reply):
    return [row["id"] for row in reply["results"]] if isinstance(reply, dict) else [row.id for row in reply.docs]


def total(reply):
    return reply["total_results"] if isinstance(reply, dict) else reply.total


@pytest.fixture(params=[2, 3])
def r(clean, request):
    if request.param == 3 and clean.kind == "redis62":
        pytest.xfail("this server has no maps for modules")
    client = redis.Redis(port=clean.port, protocol=request.param, decode_responses=True)
    for key, document in DOCUMENTS.items():
        client.hset(key, mapping=document)
    yield client
    client.close()


def wait(ft):
    while int(ft.info()["indexing"]):
        pass


@pytest.fixture
def ft(r):
    ft = r.ft("idx")
    ft.create_index(SCHEMA, definition=IndexDefinition(prefix=["doc:"], index_type=IndexType.HASH))
    wait(ft)
    return ft


def test_search(ft):
    assert sorted(ids(ft.search(Query("red")))) == ["doc:1", "doc:3"]
    assert ids(ft.search(Query("@tags:{b}").sort_by("price", asc=False))) == ["doc:2", "doc:1"]
    assert ids(ft.search(Query("*").add_filter(NumericFilter("price", 15, 25)))) == ["doc:2"]
    assert total(ft.search(Query("*").paging(0, 0))) == 3
    assert ids(ft.search(Query("@place:[2.34 48.85 5 km]").no_content().sort_by("price"))) == ["doc:1", "doc:2"]
    with pytest.raises(redis.ResponseError, match="Syntax error"):
        ft.search(Query("(red"))


def test_vectors(ft):
    query = Query("*=>[KNN 2 @v $b]").sort_by("__v_score").return_fields("title", "__v_score").dialect(2)
    found = ft.search(query, {"b": blob(0, 0)})
    assert ids(found) == ["doc:1", "doc:2"]
    first = found["results"][0] if isinstance(found, dict) else found.docs[0]
    assert field(first, "__v_score") == "0"
    query = Query("@v:[VECTOR_RANGE $r $b]=>{$YIELD_DISTANCE_AS: d}").sort_by("d").dialect(2)
    assert ids(ft.search(query, {"b": blob(0, 0), "r": 4})) == ["doc:1", "doc:2"]
    query = Query("(@tags:{c})=>[KNN 5 @v $b AS d]").dialect(2)
    assert ids(ft.search(query, {"b": blob(0, 0)})) == ["doc:3"]


def test_aggregate_and_cursor(ft):
    request = aggregation.AggregateRequest("*").group_by("@tags", reducers.count().alias("n"), reducers.avg("@price").alias("mean"))
    reply = ft.aggregate(request)
    assert len(reply["results"] if isinstance(reply, dict) else reply.rows) == 3
    request = aggregation.AggregateRequest("*").load("price").cursor(count=2)
    reply = ft.aggregate(request)
    cursor = reply[1] if isinstance(reply, (list, tuple)) else reply.cursor
    assert cursor


def test_info_aliases_and_alter(ft, r):
    info = ft.info()
    assert info["index_name"] == "idx" and int(info["num_docs"]) == 3 and int(info["indexing"]) == 0
    ft.aliasadd("other")
    assert total(r.ft("other").search(Query("*"))) == 3
    ft.aliasupdate("other")
    ft.aliasdel("other")
    with pytest.raises(redis.ResponseError):
        r.ft("other").search(Query("*"))
    ft.alter_schema_add(TextField("body"))
    r.hset("doc:4", mapping={"body": "late"})
    assert ids(ft.search(Query("late"))) == ["doc:4"]
    assert sorted(ft.tagvals("tags")) == ["a", "b", "c"]
    assert "red" in ft.explain(Query("red dog"))
    assert ft.dropindex(delete_documents=True)
    assert not r.exists("doc:1")
    with pytest.raises(redis.ResponseError, match="(?i)unknown index name"):
        ft.info()


def test_documents_by_their_keys(ft, r):
    r.set("doc:none", "a string")
    r.hset("other", "title", "of no index")
    found = ft.get("doc:2", "doc:none", "other", "nothing", "doc:1")

    def listed(key):
        return [text.decode() if isinstance(text, bytes) else str(text) for pair in DOCUMENTS[key].items() for text in pair]

    assert found == [listed("doc:2"), None, None, None, listed("doc:1")]
    assert ft.delete_document("doc:2") == 1 and not r.exists("doc:2") and ft.get("doc:2") == [None]
    assert ft.delete_document("doc:2") == ft.delete_document("other") == 0 and r.exists("other")
    assert sorted(ids(ft.search(Query("*")))) == ["doc:1", "doc:3"]
    r.ft("json").create_index([TextField("$.t", as_name="t")], definition=IndexDefinition(prefix=["j:"], index_type=IndexType.JSON))
    r.json().set("j:1", "$", {"t": "text"})
    assert r.ft("json").get("j:1") == [["$", '{"t":"text"}']]
    with pytest.raises(redis.ResponseError, match="(?i)unknown index name"):
        r.ft("none").get("doc:1")


def test_synonyms_without_a_scan(ft, r):
    """Words are in their group for what is written afterwards, and after a scan for all."""
    ft.synupdate("g", True, "vixen", "fox")
    assert ids(ft.search(Query("vixen"))) == []
    r.hset("doc:4", mapping={"title": "the fox again"})
    assert ids(ft.search(Query("vixen"))) == ["doc:4"]
    ft.synupdate("g", False, "reynard")
    assert sorted(ids(ft.search(Query("vixen")))) == ["doc:1", "doc:4"]


def test_slop_as_an_option_is_measured_in_the_document(ft, r):
    """As if the fields were one text; attributes of a query are about one field."""
    r.ft("two").create_index([TextField("a"), TextField("b")], definition=IndexDefinition(prefix=["two:"]))
    r.hset("two:1", mapping={"a": "henry of lancaster", "b": "enter the king and others"})
    r.hset("two:2", mapping={"a": "king", "b": "henry"})
    r.hset("two:3", mapping={"a": "x", "b": "henry king"})

    def found(query):
        return sorted(ids(r.ft("two").search(query.no_content())))

    assert found(Query("henry king").slop(0)) == ["two:2", "two:3"]
    assert found(Query("henry king").slop(1)) == ["two:2", "two:3"]
    assert found(Query("henry king").slop(2)) == ["two:1", "two:2", "two:3"]
    assert found(Query("henry king").slop(2).in_order()) == ["two:1", "two:3"]
    assert found(Query("(henry king)=>{$slop:2}")) == found(Query('"henry king"')) == ["two:3"]


def test_config(r):
    assert r.ft().config_set("TIMEOUT", "100")
    assert r.ft().config_get("TIMEOUT")["TIMEOUT"] == "100"
    r.ft().config_set("TIMEOUT", "500")


@pytest.mark.parametrize("protocol", [2, 3])
def test_async(clean, protocol):
    if protocol == 3 and clean.kind == "redis62":
        pytest.xfail("this server has no maps for modules")

    async def run():
        client = redis.asyncio.Redis(port=clean.port, protocol=protocol, decode_responses=True)
        for key, document in DOCUMENTS.items():
            await client.hset(key, mapping=document)
        ft = client.ft("idx")
        await ft.create_index(SCHEMA, definition=IndexDefinition(prefix=["doc:"], index_type=IndexType.HASH))
        while int((await ft.info())["indexing"]):
            pass
        found = await ft.search(Query("*=>[KNN 1 @v $b]").dialect(2), {"b": blob(32, 32)})
        await client.aclose()
        return ids(found)

    assert asyncio.run(run()) == ["doc:3"]
