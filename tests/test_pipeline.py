"""examples/pipeline: the whole of it as a user runs it, and its parts at their limits."""

import json
import subprocess
import sys
import threading
import urllib.error

import numpy as np
import pytest
import redis

from servers import MODULE, ROOT, Server, binary, eventually, selected

PIPELINE = ROOT / "examples/pipeline"
sys.path.insert(0, str(PIPELINE))

from build import Builder, Refused  # noqa: E402
from ingest import BATCH, WAITING, Worker  # noqa: E402
from run import get, serving  # noqa: E402
from search import Searcher  # noqa: E402
from service import Service  # noqa: E402
from store import Definition, Stub, shard_of  # noqa: E402

quiet = lambda line: None  # noqa: E731
KINDS = [kind for kind in selected() if kind in ("redis70", "valkey91")]


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    server = Server(request.param)
    yield server
    server.remove()


@pytest.fixture
def client(clean):
    return clean.client()


def documents(count):
    words = "red green blue round square small large wooden iron glass".split()
    for i in range(count):
        text = f"{words[i % 10]} {words[i // 10 % 10]} thing number {i}"
        yield f"d{i}", text, {"text": text, "pos": "noun" if i % 2 else "verb", "words": i % 7}


@pytest.mark.parametrize("kind, embedder, limit", [*((kind, "stub", 400) for kind in KINDS), *((kind, "minilm", 300) for kind in KINDS[-1:])])
def test_end_to_end(tmp_path, kind, embedder, limit):
    command = [sys.executable, PIPELINE / "run.py", "--module", MODULE, "--server", binary(kind), "--limit", limit]
    command += ["--embedder", embedder, "--out", tmp_path]
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (f"{limit:,} documents stored", "idx → idx:v2", "idx:v1 dropped", " 0 failed", 'search_requests_total{mode="hybrid",status="200"}'):
        assert line in done.stdout, done.stdout
    result = json.loads((tmp_path / "recall.json").read_text())
    assert (result["documents"], result["shards"]) == (limit, 2)
    assert result["rows"][-1]["recall"] >= 0.99
    assert (tmp_path / "recall.png").stat().st_size > 5000


def test_resumed(client):
    """A worker that fails goes on where it was; each document is there once, and reading waits for the embedder."""

    class Failing(Stub):
        left, seen = 3, 0

        def embed(self, texts):
            self.seen += len(texts)
            ahead.append(read - self.seen)
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("out of memory")
            return super().embed(texts)

    def counted():
        nonlocal read
        for document in documents(3000):
            read += 1
            yield document

    read, ahead, definition = 0, [], Definition()
    worker = Worker([client], definition, Failing(), report=quiet)
    with pytest.raises(RuntimeError, match="out of memory"):
        worker.run(counted())
    assert max(ahead) <= (WAITING + 2) * BATCH
    stored = worker.done()
    assert stored % BATCH == 0 and stored <= 3 * BATCH
    again = Worker([client], definition, Stub(), report=quiet)
    assert again.run(documents(3000)) == 3000 - stored
    assert again.run(documents(3000)) == 0
    assert client.dbsize() == 3001  # and how far it came
    expected = Stub().embed([text for _, text, _ in documents(3000)])
    assert client.hget("doc:d2999", "vector") == expected[2999].tobytes()


def filled(client, count=500):
    Worker([client], Definition(), Stub(), report=quiet).run(documents(count))
    builder = Builder(client, Definition(), quiet)
    assert builder.run() == 1
    return builder


def test_a_worse_index_never_serves(client):
    builder = filled(client)
    with pytest.raises(Refused, match="idx:v2 has 0 documents, idx:v1 has 500"):
        Builder(client, Definition(dim=7), quiet).run()
    other = Definition(metric="L2")
    other.prefix = "doc:d1"
    with pytest.raises(Refused):
        Builder(client, other, quiet).run()
    assert builder.serving() == 1 and builder.versions() == [1]
    with pytest.raises(redis.ResponseError):
        Builder(client, Definition(metric="HAMMING"), quiet).run()
    assert builder.serving() == 1 and builder.versions() == [1]
    assert builder.run() == 2 and builder.versions() == [2]


def test_rebuilt_under_load(clean, client):
    """No query that runs while indexes are built, moved and dropped fails, or sees less than all documents."""
    count = 400
    filled(client, count)
    vectors = Stub().embed([text for _, text, _ in documents(count)])
    wrong, answers, ending = [], [0] * 4, threading.Event()

    def ask(number):
        own, rng = clean.client(protocol=2 + number % 2), np.random.default_rng(number)
        text = lambda value: value.decode() if isinstance(value, bytes) else value
        while not ending.is_set():
            i = int(rng.integers(count))
            near = ("*=>[KNN 5 @vector $v AS d]", "PARAMS", 2, "v", vectors[i].tobytes(), "NOCONTENT")
            try:
                replies = [own.execute_command("FT.SEARCH", "idx", *words, "TIMEOUT", 0, "DIALECT", 2) for words in (near, ("*", "LIMIT", 0, 0), ("@pos:{noun}", "LIMIT", 0, 1))]
                replies.append(own.execute_command("FT.AGGREGATE", "idx", "*", "GROUPBY", 1, "@pos", "REDUCE", "COUNT", 0, "AS", "n", "TIMEOUT", 0))
            except redis.RedisError as failure:
                wrong.append(repr(failure))
                continue
            if isinstance(replies[0], dict):
                replies[:3] = [[r[b"total_results"], *(hit[b"id"] for hit in r[b"results"])] for r in replies[:3]]
                groups = {text(row[b"extra_attributes"][b"pos"]): int(row[b"extra_attributes"][b"n"]) for row in replies[3][b"results"]}
            else:
                groups = {text(row[1]): int(row[3]) for row in replies[3][1:]}
            found = [replies[0][0], text(replies[0][1]), replies[1][0], replies[2][0], groups]
            expected = [5, f"doc:d{i}", count, count // 2, {"noun": count // 2, "verb": count // 2}]
            if found != expected:
                wrong.append((found, expected))
            answers[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(2, 5):
            changed = Definition(algorithm="HNSW" if number % 2 else "FLAT", options={"M": 8 + number} if number % 2 else {})
            assert Builder(client, changed, quiet).run() == number
        eventually(lambda: min(answers) > 0 or wrong)
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:5]
    assert min(answers) > 0
    assert client.execute_command("FT._LIST") == [b"idx:v4"]


@pytest.fixture
def shards(clean, launch):
    """Two servers with documents and indexes, and the service over them."""
    servers = [clean, launch()]
    clients = [server.client() for server in servers]
    Worker(clients, Definition(), Stub(), report=quiet).run(documents(400))
    for client in clients:
        Builder(client, Definition(), quiet).run()
    searcher = Searcher([f"redis://127.0.0.1:{server.port}" for server in servers], Definition())
    with serving(Service(searcher, Stub())) as address:
        yield servers, address


def refusal(address, path, **query):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(address, path, **query)
    return caught.value.code, json.loads(caught.value.read())


def test_service(shards):
    servers, address = shards
    own = list(documents(400))
    vectors = Stub().embed([text for _, text, _ in own])
    assert len({shard_of(identifier, 2) for identifier, _, _ in own}) == 2
    search = lambda **query: json.loads(get(address, "/search", timeout=10_000, **query))["hits"]  # noqa: E731
    # Merged over both shards, as if there were one.
    [query] = Stub().embed(["small iron thing"])
    expected = sorted(range(400), key=lambda i: 1 - float(vectors[i] @ query))[:10]
    found = search(q="small iron thing", mode="vector")
    assert [hit["distance"] for hit in found] == pytest.approx([1 - float(vectors[i] @ query) for i in expected], abs=1e-5)
    assert {hit["pos"] for hit in search(q="small iron", mode="vector", pos="noun", k=50)} == {"noun"}
    assert all(int(hit["words"]) <= 2 for hit in search(q="small iron", mode="hybrid", words=2))
    text = search(q="blue", mode="text", k=100)
    assert {hit["key"] for hit in text} == {f"doc:{name}" for name, text, _ in own if "blue" in text}
    assert search(q="glass glass", mode="hybrid", k=1)[0]["text"].count("glass") == 2
    # What users write is never syntax.
    for hostile in ("*=>[KNN 1 @vector $v]", "@pos:{noun}", "-blue", "(((", "$v", "\\", "'\"%|~"):
        for mode in ("text", "hybrid", "vector"):
            search(q=hostile, mode=mode)
        assert search(q="blue", mode="vector", pos=hostile) == []
    for query in ({}, {"q": ""}, {"q": "x" * 1001}, {"q": "x", "k": 0}, {"q": "x", "k": "1e9"}, {"q": "x", "mode": "magic"}, {"q": "x", "timeout": -1}, {"q": "x", "words": "²"}):
        assert refusal(address, "/search", **query)[0] == 400
    assert json.loads(get(address, "/health")) == {"status": "ok", "shards": 2}
    counted = get(address, "/metrics")
    assert 'search_requests_total{mode="other",status="400"} 1.0' in counted and 'search_seconds_count{part="all"}' in counted
    # One shard is slow, and then gone.
    servers[1].client().execute_command("CLIENT", "PAUSE", 600_000)
    assert refusal(address, "/search", q="blue", mode="vector", timeout=100) == (504, {"error": "out of time"})
    servers[1].kill()
    assert refusal(address, "/search", q="blue", mode="vector", timeout=10_000)[0] == 503
    assert refusal(address, "/health")[0] == 503
    servers[1].start()
