"""llama-index's Redis vector store."""

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.redis import RedisVectorStore
from redis import Redis
from redisvl.schema import IndexSchema

from stub import DIM, URL, embed

SCHEMA = {
    "index": {"name": "llama", "prefix": "llama:doc"},
    "fields": [
        {"name": "id", "type": "tag"},
        {"name": "doc_id", "type": "tag"},
        {"name": "text", "type": "text"},
        {"name": "topic", "type": "tag"},
        {"name": "vector", "type": "vector", "attrs": {"dims": DIM, "algorithm": "hnsw", "distance_metric": "cosine"}},
    ],
}
TEXTS = ["the cat sat on the mat", "a dog chased the cat", "stocks fell sharply today", "markets and stocks rallied"]


def node(i, text):
    made = TextNode(text=text, id_=f"n{i}", metadata={"topic": "animals" if i < 2 else "money"}, embedding=embed(text))
    made.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=f"d{i // 2}")
    return made


def names(found):
    return [name.rpartition(":")[2] for name in found.ids]


def main():
    client = Redis.from_url(URL)
    client.flushall()
    store = RedisVectorStore(schema=IndexSchema.from_dict(SCHEMA), redis_client=client, overwrite=True)
    assert len(store.add([node(i, text) for i, text in enumerate(TEXTS)])) == 4
    found = store.query(VectorStoreQuery(query_embedding=embed("stocks rallied"), similarity_top_k=2))
    assert names(found)[0] == "n3", found.ids
    filters = MetadataFilters(filters=[MetadataFilter(key="topic", value="animals")])
    found = store.query(VectorStoreQuery(query_embedding=embed("stocks"), similarity_top_k=4, filters=filters))
    assert set(names(found)) == {"n0", "n1"}
    store.delete("d0")
    found = store.query(VectorStoreQuery(query_embedding=embed("cat"), similarity_top_k=4))
    assert set(names(found)) == {"n2", "n3"}
    assert store.index_exists()
    store.delete_index()
    print("all good")


main()
