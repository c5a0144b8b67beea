"""LangChain's own tests of vector stores, and what they leave out. The server is at VSET_URL."""

import asyncio
import os
import random
import time

import glide_sync
import numpy as np
import pytest
import redis
import redis.asyncio
import valkey
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests
from langchain_vset import VSetVectorStore
from vset.filters import field

URL = os.environ["VSET_URL"]


@pytest.fixture(autouse=True)
def empty():
    with redis.Redis.from_url(URL) as client:
        client.flushall()


class TestByUrl(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        return VSetVectorStore(self.get_embeddings(), "standard", url=URL)


class TestOfOneClient(VectorStoreIntegrationTests):
    """Asyncio methods run the others in threads."""

    @pytest.fixture
    def vectorstore(self):
        with valkey.Valkey.from_url(URL.replace("redis:", "valkey:")) as client:
            yield VSetVectorStore(self.get_embeddings(), "standard", client=client, quantization="NOQUANT", metric="L2")


class TestThroughGlide(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        host, port = URL.removeprefix("redis://").split(":")
        address = glide_sync.NodeAddress(host, int(port))
        client = glide_sync.GlideClient.create(glide_sync.GlideClientConfiguration([address], request_timeout=120000))
        yield VSetVectorStore(self.get_embeddings(), "standard", client=client)
        client.close()


EMBEDDING = DeterministicFakeEmbedding(size=32)
TEXTS = [f"text {i}" for i in range(40)]
METADATAS = [{"i": i, "kind": ["even", "odd"][i % 2], "tags": [f"t{i % 3}", "all"], "where": {"city": f"c{i % 4}"}} for i in range(40)]
for i in range(0, 40, 5):
    del METADATAS[i]["kind"]


@pytest.fixture
def store():
    return VSetVectorStore.from_texts(TEXTS, EMBEDDING, METADATAS, ids=[f"id{i}" for i in range(40)], key="texts", url=URL, quantization="NOQUANT")


def numbers(found):
    return {document.metadata["i"] for document in found}


@pytest.mark.parametrize(
    "filter, plain",
    [
        ({"i": 7}, lambda m: m["i"] == 7),
        ({"i": {"$gte": 30, "$lt": 35}}, lambda m: 30 <= m["i"] < 35),
        ({"kind": "odd", "i": {"$gt": 20}}, lambda m: m.get("kind") == "odd" and m["i"] > 20),
        ({"kind": {"$ne": "odd"}}, lambda m: m.get("kind", "odd") != "odd"),
        ({"$not": {"kind": "odd"}}, lambda m: m.get("kind") != "odd"),
        ({"kind": {"$exists": False}}, lambda m: "kind" not in m),
        ({"$or": [{"kind": "odd"}, {"i": {"$lte": 6}}]}, lambda m: m.get("kind") == "odd" or m["i"] <= 6),
        ({"$and": [{"i": {"$in": [1, 2, 3]}}, {"i": {"$nin": [2]}}]}, lambda m: m["i"] in (1, 3)),
        ({"tags": {"$contains": "t1"}}, lambda m: "t1" in m["tags"]),
        ({"where": {"city": "c2"}}, lambda m: m["where"]["city"] == "c2"),
        ({"kind": 'odd" or 1 == 1 or "'}, lambda m: False),
        ({}, lambda m: True),
        (field("metadata", "i") < 3, lambda m: m["i"] < 3),
    ],
)
def test_filters(store, filter, plain):
    expected = {m["i"] for m in METADATAS if plain(m)}
    assert numbers(store.similarity_search("text 1", k=40, filter=filter)) == expected
    assert numbers(asyncio.run(store.asimilarity_search("text 1", k=40, filter=filter))) == expected
    assert numbers(store.as_retriever(search_kwargs={"k": 40, "filter": filter}).invoke("x")) == expected


@pytest.mark.parametrize("filter", [{"$near": 1}, {"i": {"$near": 1}}, {"$or": []}, {"$and": [{}]}, {"$eq": 1}, {"i": {}}])
def test_filters_that_are_refused(store, filter):
    with pytest.raises(ValueError):
        store.similarity_search("x", filter=filter)


def test_scores_are_those_of_the_exact_answer(store):
    rows, query = np.array(EMBEDDING.embed_documents(TEXTS)), np.array(EMBEDDING.embed_query("text 3"))
    cosines = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    found = store.similarity_search_with_score("text 3", k=10, ef=200)
    assert [document.id for document, _ in found] == [f"id{i}" for i in np.argsort(-cosines)[:10]]
    assert [score for _, score in found] == pytest.approx(sorted((1 + cosines) / 2, reverse=True)[:10], abs=1e-5)
    assert store.similarity_search_with_relevance_scores("text 3", k=3, score_threshold=0.9)[0][0].page_content == "text 3"


@pytest.mark.parametrize("relevance", [0, 0.3, 0.6, 1])
def test_mmr_is_that_of_langchain(store, relevance):
    query = EMBEDDING.embed_query("text 9")
    nearest = store.similarity_search_by_vector(query, k=20, ef=200)
    vectors = [EMBEDDING.embed_query(document.page_content) for document in nearest]
    expected = [nearest[i].id for i in maximal_marginal_relevance(np.array(query), vectors, relevance, 6)]
    for found in (
        store.max_marginal_relevance_search("text 9", k=6, fetch_k=20, lambda_mult=relevance, ef=200),
        asyncio.run(store.amax_marginal_relevance_search("text 9", k=6, fetch_k=20, lambda_mult=relevance, ef=200)),
    ):
        assert [document.id for document in found] == expected


def test_texts_expire(store):
    store.add_texts(["brief"], ids=["brief"], ttl=0.2)
    asyncio.run(store.aadd_texts(["brief, too"], ids=["too"], ttl=0.2))
    for _ in range(1000):
        if not store.get_by_ids(["brief", "too"]):
            break
        time.sleep(0.05)
    assert store.get_by_ids(["brief", "too", "id1"]) == [Document(id="id1", page_content="text 1", metadata=METADATAS[1])]


def test_deleting_all_and_lists_that_do_not_fit(store):
    with pytest.raises(ValueError, match="as many of each"):
        store.add_texts(["a", "b"], ids=["a"])
    assert store.delete([]) and store.similarity_search("x", k=50, filter={"i": {"$gte": 0}})
    assert store.delete() and store.similarity_search("x") == []
    assert store.add_texts([]) == []


def test_asyncio_client_in_several_loops_and_of_ones_own(store):
    for _ in range(3):
        assert asyncio.run(store.asimilarity_search("text 5", k=1))[0].id == "id5"

    async def own():
        async with redis.asyncio.Redis.from_url(URL) as client:
            other = await VSetVectorStore.afrom_texts(["x"], EMBEDDING, key="other", async_client=client)
            return [document.page_content for document in await other.asimilarity_search("x")]

    assert asyncio.run(own()) == ["x"]
    with pytest.raises(ValueError):
        VSetVectorStore(EMBEDDING)


def test_a_random_life(store):
    """Adds, replaces and removes at random beside a dict."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    model = {f"id{i}": TEXTS[i] for i in range(40)}
    for step in range(60):
        names = [f"id{rng.randrange(60)}" for _ in range(rng.randrange(1, 5))]
        if rng.random() < 0.5:
            store.add_texts([f"{name} of step {step}" for name in names], ids=names)
            model.update({name: f"{name} of step {step}" for name in names})
        else:
            store.delete(names)
            for name in names:
                model.pop(name, None)
    assert {document.id: document.page_content for document in store.get_by_ids([f"id{i}" for i in range(60)])} == model
