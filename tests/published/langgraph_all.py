"""langgraph's checkpointer and store on Redis."""

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.redis import RedisSaver
from langgraph.store.redis import RedisStore
from redis import Redis

from stub import DIM, URL, embed_many


def check_saver():
    with RedisSaver.from_conn_string(URL) as saver:
        saver.setup()
        config = {"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}
        for step in range(3):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"count": step}
            checkpoint["channel_versions"] = {"count": step + 1}
            config = saver.put(config, checkpoint, {"source": "loop", "step": step, "writes": {}}, {"count": step + 1})
            saver.put_writes(config, [("count", step)], f"task-{step}")
        latest = saver.get_tuple({"configurable": {"thread_id": "t1", "checkpoint_ns": ""}})
        assert latest.metadata["step"] == 2, latest.metadata
        assert latest.checkpoint["channel_values"] == {"count": 2}
        assert [c.metadata["step"] for c in saver.list({"configurable": {"thread_id": "t1"}})] == [2, 1, 0]
        assert len(list(saver.list({"configurable": {"thread_id": "t1"}}, limit=2))) == 2
        saver.delete_thread("t1")
        assert saver.get_tuple({"configurable": {"thread_id": "t1", "checkpoint_ns": ""}}) is None


def check_store():
    index = {"dims": DIM, "embed": embed_many, "fields": ["text"], "distance_type": "cosine"}
    with RedisStore.from_conn_string(URL, index=index) as store:
        store.setup()
        store.put(("users", "1"), "a", {"text": "the cat sat on the mat", "kind": "animal"})
        store.put(("users", "1"), "b", {"text": "stocks fell sharply", "kind": "money"})
        store.put(("users", "2"), "c", {"text": "a dog on a mat", "kind": "animal"})
        assert store.get(("users", "1"), "a").value["kind"] == "animal"
        assert {item.key for item in store.search(("users",))} == {"a", "b", "c"}
        assert [item.key for item in store.search(("users", "1"), query="cat mat", limit=1)] == ["a"]
        assert {item.key for item in store.search(("users",), filter={"kind": "animal"})} == {"a", "c"}
        assert set(store.list_namespaces(prefix=("users",))) == {("users", "1"), ("users", "2")}
        store.delete(("users", "1"), "a")
        assert store.get(("users", "1"), "a") is None


Redis.from_url(URL).flushall()
check_saver()
check_store()
print("all good")
