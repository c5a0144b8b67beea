"""langchain-redis: vector store, caches, chat history."""

from importlib.metadata import version

from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import Generation
from langchain_redis import RedisCache, RedisChatMessageHistory, RedisConfig, RedisSemanticCache, RedisVectorStore
from redis import Redis
from redisvl.query.filter import Num, Tag

from stub import URL, embed

NEW = tuple(map(int, version("langchain-redis").split("."))) >= (0, 2, 5)


class Stub(Embeddings):
    def embed_documents(self, texts):
        return [embed(text) for text in texts]

    def embed_query(self, text):
        return embed(text)


def check_store(storage):
    schema = [{"name": "topic", "type": "tag"}, {"name": "year", "type": "numeric"}]
    config = RedisConfig(index_name=f"store-{storage}", redis_url=URL, metadata_schema=schema, storage_type=storage)
    store = RedisVectorStore(Stub(), config=config)
    texts = ["the cat sat on the mat", "a dog chased the cat", "stocks fell sharply today", "markets and stocks rallied"]
    ids = store.add_texts(texts, [{"topic": "animals" if i < 2 else "money", "year": 2000 + i} for i in range(4)])
    assert store.similarity_search("stocks rallied", k=1)[0].page_content == texts[3]
    found = store.similarity_search_with_score("cat", k=4, filter=Tag("topic") == "animals")
    assert {document.page_content for document, _ in found} == set(texts[:2])
    assert len(store.similarity_search("cat", k=4, filter=Num("year") > 2001)) == 2
    assert len(store.max_marginal_relevance_search("cat and stocks", k=2, fetch_k=4)) == 2
    if not NEW:  # 0.2.0 gives keys, and takes ids
        ids = [key.rpartition(":")[2] for key in ids]
    assert [document.page_content for document in store.get_by_ids(ids[:1])] == texts[:1]
    assert store.delete(ids[:1])
    assert texts[0] not in [d.page_content for d in store.similarity_search("cat mat", k=4)]


def main():
    Redis.from_url(URL).flushall()
    for storage in ("hash", "json"):
        check_store(storage)
    cache = RedisCache(redis_url=URL)
    cache.update("prompt", "model", [Generation(text="answer")])
    assert cache.lookup("prompt", "model")[0].text == "answer"
    assert cache.lookup("prompt", "other") is None
    near = RedisSemanticCache(embeddings=Stub(), redis_url=URL, distance_threshold=0.3)
    near.update("what is the capital of France", "model", [Generation(text="Paris")])
    assert near.lookup("what is the capital of France", "model")[0].text == "Paris"
    assert near.lookup("how to cook soup", "model") is None
    history = RedisChatMessageHistory("session1", redis_url=URL)
    history.add_message(HumanMessage(content="hello there"))
    history.add_message(AIMessage(content="general answer"))
    assert [m.content for m in history.messages] == ["hello there", "general answer"]
    assert len(history.search_messages("hello")) == 1
    history.clear()
    assert history.messages == []
    print("all good")


main()
