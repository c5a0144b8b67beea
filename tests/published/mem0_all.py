"""mem0's Redis vector store."""

from mem0.vector_stores.redis import RedisDB
from redis import Redis

from stub import DIM, URL, embed

Redis.from_url(URL).flushall()
NOW = "2026-01-02T03:04:05+00:00"
store = RedisDB(URL, "memories", DIM)
texts = ["likes green tea", "owns a dog", "works with stocks"]
payloads = [{"data": t, "hash": f"h{i}", "created_at": NOW, "user_id": "alice" if i < 2 else "bob"} for i, t in enumerate(texts)]
store.insert([embed(t) for t in texts], payloads, ["1", "2", "3"])
found = store.search("tea", embed("green tea"), top_k=3)
assert found[0].id == "1" and len(found) == 3, [f.id for f in found]
assert {f.id for f in store.search("", embed("dog"), top_k=3, filters={"user_id": "alice"})} == {"1", "2"}
store.update("2", embed("owns a cat"), {**payloads[1], "data": "owns a cat", "updated_at": NOW})
assert store.get("2").payload["data"] == "owns a cat"
assert store.search("", embed("owns a cat"), top_k=1)[0].id == "2"
store.delete("3")
assert {f.id for f in store.search("", embed("dog"), top_k=3)} == {"1", "2"}
assert len(store.list(filters={"user_id": "alice"}, top_k=10)[0]) == 2
assert "memories" in store.list_cols()
store.delete_col()
print("all good")
