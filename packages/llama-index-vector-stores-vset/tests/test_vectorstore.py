"""The vector store beside LlamaIndex's own in memory. The server is at VSET_URL."""

import asyncio
import itertools
import os
import random

import numpy as np
import pytest
import redis
import valkey
from llama_index.core import Document, MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.core.vector_stores.simple import SimpleVectorStore
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQueryMode
from llama_index.vector_stores.vset import VSetVectorStore

URL = os.environ["VSET_URL"]
DIM = 16


def node(i, rng):
    metadata = {"i": i, "kind": rng.choice(["x", "y", "it's", 'q"']), "score": i / 4, "tags": rng.sample(["a", "b", "c"], 2), "only": f"c{i % 3}"}
    for name in rng.sample(["kind", "score", "tags", "only"], rng.randrange(3)):
        del metadata[name]
    made = TextNode(id_=f"n{i}", text=f"text {i}", metadata=metadata, embedding=[rng.gauss(0, 1) for _ in range(DIM)])
    if i % 5:
        made.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=f"d{i // 5}")
    return made


NODES = [node(i, random.Random(i)) for i in range(40)]
QUERY = [random.Random(99).gauss(0, 1) for _ in range(DIM)]


@pytest.fixture(params=["URL", "one client"])
def store(request):
    with redis.Redis.from_url(URL) as client:
        client.flushall()
    with valkey.Valkey.from_url(URL.replace("redis:", "valkey:")) as client:
        made = VSetVectorStore(URL, "nodes", quantization="NOQUANT", ef=200) if request.param == "URL" else VSetVectorStore(key="nodes", client=client, ef=200)
        assert made.add(NODES) == [f"n{i}" for i in range(40)]
        yield made


def ids(store, **options):
    """Of both ways to ask, which must agree."""
    query = VectorStoreQuery(query_embedding=QUERY, similarity_top_k=options.pop("similarity_top_k", 40), **options)
    found, again = store.query(query), asyncio.run(store.aquery(query))
    assert found.ids == again.ids == [node.node_id for node in found.nodes]
    return found.ids


def test_is_a_vector_store(store):
    assert isinstance(store, BasePydanticVectorStore) and store.class_name() == "VSetVectorStore" and store.client.ping()
    assert store.to_dict()["key"] == "nodes"
    with pytest.raises(ValueError):
        VSetVectorStore()


def test_nodes_come_back_as_they_were(store):
    for mine in (store.get_nodes(["n3", "n7", "missing"]), asyncio.run(store.aget_nodes(["n3", "n7", "missing"]))):
        for got, wanted in zip(mine, (NODES[3], NODES[7]), strict=True):
            assert got.model_dump(exclude={"embedding"}) == wanted.model_dump(exclude={"embedding"})
    assert {node.node_id for node in store.get_nodes()} == {node.node_id for node in NODES}


def test_similarities(store):
    rows = np.array([node.embedding for node in NODES])
    cosines = rows @ QUERY / np.linalg.norm(rows, axis=1) / np.linalg.norm(QUERY)
    found = store.query(VectorStoreQuery(query_embedding=QUERY, similarity_top_k=5))
    assert found.similarities == pytest.approx(sorted((1 + cosines) / 2)[::-1][:5], abs=0.01)
    assert store.quantization is None or found.ids == [f"n{i}" for i in np.argsort(-cosines)[:5]]


def simple(filters):
    """What LlamaIndex's own store finds."""
    memory = SimpleVectorStore()
    memory.add(NODES)
    return set(memory.query(VectorStoreQuery(query_embedding=QUERY, similarity_top_k=40, filters=filters)).ids)


SINGLE = [
    *(MetadataFilter(key="i", value=7, operator=operator) for operator in (FilterOperator.EQ, FilterOperator.NE, FilterOperator.GT, FilterOperator.LTE)),
    *(MetadataFilter(key="score", value=2.5, operator=operator) for operator in (FilterOperator.LT, FilterOperator.GTE, FilterOperator.NE)),
    MetadataFilter(key="kind", value='q"'),
    MetadataFilter(key="kind", value='x" or 1 == 1 or "'),
    MetadataFilter(key="kind", value=["x", "it's"], operator=FilterOperator.IN),
    MetadataFilter(key="kind", value=["x", "it's"], operator=FilterOperator.NIN),
    MetadataFilter(key="tags", value="b", operator=FilterOperator.CONTAINS),
    MetadataFilter(key="only", value="c1", operator=FilterOperator.TEXT_MATCH),
]


def test_filters_find_what_the_store_in_memory_finds(store):
    for single in SINGLE:
        filters = MetadataFilters(filters=[single])
        assert set(ids(store, filters=filters)) == simple(filters), single
    for pair, condition in itertools.product(itertools.combinations(SINGLE, 2), (FilterCondition.AND, FilterCondition.OR)):
        filters = MetadataFilters(filters=list(pair), condition=condition)
        found = store.query(VectorStoreQuery(query_embedding=QUERY, similarity_top_k=40, filters=filters))
        assert set(found.ids) == simple(filters), filters


def test_other_filters(store):
    def matching(*filters, condition=FilterCondition.AND):
        return set(ids(store, filters=MetadataFilters(filters=list(filters), condition=condition)))

    def plain(test):
        return {node.node_id for node in NODES if test(node.metadata)}

    early, tagged = MetadataFilter(key="i", value=9, operator=FilterOperator.LT), MetadataFilter(key="tags", value="a", operator=FilterOperator.CONTAINS)
    nested = MetadataFilters(filters=[early, tagged], condition=FilterCondition.OR)
    assert matching(nested, MetadataFilter(key="i", value=3, operator=FilterOperator.GT)) == plain(lambda m: m["i"] > 3 and (m["i"] < 9 or "a" in m.get("tags", [])))
    assert matching(early, tagged, condition=FilterCondition.NOT) == plain(lambda m: not (m["i"] < 9 and "a" in m.get("tags", [])))
    assert matching(MetadataFilter(key="kind", value=None, operator=FilterOperator.IS_EMPTY)) == plain(lambda m: "kind" not in m)
    for operator, test in ((FilterOperator.ANY, any), (FilterOperator.ALL, all)):
        assert matching(MetadataFilter(key="tags", value=["a", "b"], operator=operator)) == plain(lambda m: test(x in m.get("tags", []) for x in ("a", "b")))
    assert set(ids(store, node_ids=["n1", "n2", "missing"])) == {"n1", "n2"} and len(ids(store, node_ids=[])) == 40
    assert set(ids(store, doc_ids=["d0"], filters=MetadataFilters(filters=[early]))) == {"n1", "n2", "n3", "n4"}
    assert len(ids(store, filters=MetadataFilters(filters=[]))) == 40
    with pytest.raises(NotImplementedError, match="TEXT_MATCH_INSENSITIVE"):
        matching(MetadataFilter(key="kind", value="X", operator=FilterOperator.TEXT_MATCH_INSENSITIVE))
    with pytest.raises(NotImplementedError, match="hybrid"):
        store.query(VectorStoreQuery(query_embedding=QUERY, mode=VectorStoreQueryMode.HYBRID))
    with pytest.raises(ValueError):
        store.query(VectorStoreQuery(query_str="x"))


def test_mmr(store):
    store.add([TextNode(id_=f"twin{i}", text="twin", embedding=[x + i / 1000 for x in QUERY]) for i in range(5)])
    assert all(name.startswith("twin") for name in ids(store, similarity_top_k=3))
    varied = ids(store, similarity_top_k=3, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.3)
    assert varied[0].startswith("twin") and sum(name.startswith("twin") for name in varied) < 3
    assert ids(store, similarity_top_k=3, mode=VectorStoreQueryMode.MMR, mmr_threshold=1) == ids(store, similarity_top_k=3)


@pytest.mark.parametrize("waits", [True, False])
def test_deleting(store, waits):
    def call(name, *arguments, **options):
        return getattr(store, name)(*arguments, **options) if waits else asyncio.run(getattr(store, "a" + name)(*arguments, **options))

    call("delete", "d1")
    gone = {"n6", "n7", "n8", "n9"}
    call("delete_nodes", ["n0", "n1"])
    low = MetadataFilters(filters=[MetadataFilter(key="i", value=4, operator=FilterOperator.LTE)])
    call("delete_nodes", ["n3", "n20"], filters=low)
    gone |= {"n0", "n1", "n3"}
    assert set(ids(store)) == {node.node_id for node in NODES} - gone
    call("delete_nodes", filters=low)
    assert {node.node_id for node in call("get_nodes")} == {node.node_id for node in NODES} - gone - {"n2", "n4"}
    assert {node.node_id for node in call("get_nodes", filters=MetadataFilters(filters=[MetadataFilter(key="i", value=[4, 5, 6], operator=FilterOperator.IN)]))} == {"n5"}
    with pytest.raises(ValueError):
        call("delete_nodes")
    call("clear")
    assert call("get_nodes") == [] and ids(store) == []


def test_adding_again_replaces(store):
    changed = TextNode(id_="n1", text="new", metadata={"kind": "z"}, embedding=QUERY)
    assert asyncio.run(store.async_add([changed])) == ["n1"]
    assert ids(store, similarity_top_k=1) == ["n1"] and store.get_nodes(["n1"])[0].text == "new" and len(store.get_nodes()) == 40
    assert store.add([]) == []


def test_behind_an_index(store):
    store.clear()
    index = VectorStoreIndex.from_documents(
        [Document(text=f"about {i}", doc_id=f"doc{i}") for i in range(3)],
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=MockEmbedding(DIM),
    )
    assert {found.node.ref_doc_id for found in index.as_retriever(similarity_top_k=5).retrieve("about")} == {"doc0", "doc1", "doc2"}
    index.delete_ref_doc("doc1")
    assert {found.node.ref_doc_id for found in index.as_retriever(similarity_top_k=5).retrieve("about")} == {"doc0", "doc2"}
