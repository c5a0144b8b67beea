"""One vector set over many keys: vset.sharded over clusters and single servers, resharded while it is used."""

import asyncio
import random
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import redis
import redis.asyncio
import valkey
from redis.cluster import RedisCluster

import command_line  # makes the package's sources importable
from cluster import Cluster
from seeds import new_seed
from servers import ROOT, Server, selected
from vectors import fp32
from vset.sharded import AsyncShardedVectorSet, ShardedVectorSet, place

DIM = 16


def vectors(count, seed=1):
    rng = np.random.default_rng(seed)
    return {f"e{i}": v for i, v in enumerate(rng.standard_normal((count, DIM)).astype(np.float32))}


def nearest(elements, query, count):
    names = list(elements)
    rows = np.array([elements[name] for name in names])
    scores = rows @ query / np.linalg.norm(rows, axis=1)
    return [names[i] for i in np.argsort(-scores)[:count]]


@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91")])
def cluster(request):
    made = Cluster(request.param, 3)
    yield made
    made.remove()


@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91")])
def server(request):
    server = Server(request.param)
    yield server
    server.remove()


def client(cluster, decode=False):
    return RedisCluster("127.0.0.1", cluster.masters[0].port, decode_responses=decode)


def test_the_example_of_the_page(cluster):
    page = (ROOT / "docs/clients.md").read_text()
    code, printed = re.search(r"^## One set over a cluster\n.*?^```python\n(.*?)^```\n\n    (.*?)\n", page, re.M | re.S).groups()
    command = [sys.executable, "-c", code.replace("7000", str(cluster.masters[0].port))]
    done = subprocess.run(command, env=command_line.ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.stdout == printed + "\n", done.stderr


@pytest.mark.parametrize("decode", [False, True])
def test_finds_what_one_key_would(cluster, decode):
    sharded = ShardedVectorSet(client(cluster, decode), f"words{decode}", shards=5)
    elements = vectors(1000)
    assert sharded.add(elements, attributes={"e1": '{"x": 1}'}, options=["NOQUANT"]) == 1000
    assert sharded.add({"e1": elements["e1"]}, options=["NOQUANT"]) == 0
    assert sharded.count() == 1000
    assert sharded.count(filter=".x == 1") == 1
    found, best = 0, 0
    for query in vectors(20, seed=2).values():
        hits = [name if decode else name.decode() for name in sharded.search(query, count=10, ef=200)]
        found += len(set(hits) & set(nearest(elements, query, 10)))
        best += len(hits)
    assert best == 200 and found >= 198
    (hit,) = sharded.search(elements["e1"], count=10, filter=".x == 1", with_scores=True)
    assert hit[0] in ("e1", b"e1") and hit[1] > 0.999
    assert np.allclose(np.array(sharded.vector("e7"), dtype=float), elements["e7"], atol=1e-4)
    assert sharded.attributes("e1") in ('{"x": 1}', b'{"x": 1}')
    assert sharded.vector("nothing") is None
    assert sharded.remove(["e1", "e2", "nothing"]) == 2
    assert sharded.count() == 998
    # Another client needs no number of shards.
    assert ShardedVectorSet(client(cluster), f"words{decode}").count() == 998
    with pytest.raises(KeyError):
        ShardedVectorSet(client(cluster), "nowhere").count()
    sharded.drop()


@pytest.mark.parametrize("to", [8, 2])
def test_resharded_while_used(cluster, to):
    name = f"moving{to}"
    base = vectors(1500)
    ShardedVectorSet(client(cluster), name, shards=5).add(base)
    seed = new_seed()
    print("seed", seed)
    stop, errors = threading.Event(), []
    own = [dict() for _ in range(3)]

    def write(number):
        rng = random.Random(seed + number)
        sharded = ShardedVectorSet(client(cluster), name)
        mine, serial = own[number], 0
        try:
            while not stop.is_set():
                element = f"w{number}-{rng.randrange(50)}"
                if element in mine and rng.random() < 0.4:
                    assert sharded.remove([element]) == 1, f"{element} was there"
                    del mine[element]
                else:
                    serial += 1
                    vector = np.array([rng.gauss(0, 1) for _ in range(DIM)], dtype=np.float32)
                    sharded.add({element: vector}, attributes={element: f'{{"serial": {serial}}}'})
                    mine[element] = serial
        except Exception as error:
            errors.append(error)

    def read():
        rng = random.Random(seed)
        sharded = ShardedVectorSet(client(cluster), name)
        try:
            while not stop.is_set():
                element = f"e{rng.randrange(1500)}"
                (hit,) = sharded.search(base[element], count=1, ef=500)
                assert hit.decode() == element, f"{element} was there all the time, {hit} came"
                assert sharded.vector(element) is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    sharded = ShardedVectorSet(client(cluster), name)
    assert sharded.reshard(to) > 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors, errors
    written = {element: serial for mine in own for element, serial in mine.items()}
    assert sharded.count() == 1500 + len(written)
    for element, serial in written.items():
        assert sharded.attributes(element) == b'{"serial": %d}' % serial
    rc = client(cluster)
    for shard in range(max(5, to)):
        for element in rc.execute_command("VRANGE", sharded.key(shard), "-", "+") or []:
            assert place(element, to) == shard
    assert rc.exists(sharded.removed_key(0)) == 0
    sharded.drop()


@pytest.mark.parametrize("make", [redis.Redis, valkey.Valkey])
def test_one_server(clean, make):
    sharded = ShardedVectorSet(make(port=clean.port), "one", shards=3)
    elements = vectors(200)
    assert sharded.add(elements) == 200
    assert sharded.search(elements["e5"], count=1) == [b"e5"]
    assert sharded.reshard(4) > 0
    assert sharded.count() == 200
    assert sharded.search(elements["e5"], count=1) == [b"e5"]


def searches(elements):
    """Questions of all kinds, with `count` greater than what passes and less."""
    seven = fp32(elements["e7"])
    for query in (elements["e3"], seven, "e7"):
        yield query, {}
        yield query, {"with_scores": True, "count": 300}
        yield query, {"with_attributes": True, "count": 30}
        yield query, {"with_scores": True, "with_attributes": True, "exclude": True}
        for filter in (".even == 1", ".i < 40 and .even == 0", ".i == 1000"):
            yield query, {"filter": filter, "with_scores": True, "count": 25, "ef": 300}
        yield query, {"with_scores": True, "count": 50, "options": ["EPSILON", 0.6]}
        yield query, {"with_scores": True, "count": 50, "options": ["MINSCORE", 0.7, "TRUTH"]}
        yield query, {"with_scores": True, "options": ["FILTER", ".i < $most", "PARAMS", 2, "most", 20, "FILTER-EF", 1000]}
        yield query, {"count": 1, "options": ["NOTHREAD"]}


def calls(conn, command):
    return conn.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
def test_one_question_to_one_server_is_that_to_each_shard(clean, protocol, decode):
    """Where all shards are on one server it merges them, in one command; the answers are the same."""
    conn = redis.Redis(port=clean.port, protocol=protocol, decode_responses=decode)
    elements = vectors(300)
    for i in range(100):  # equal ones, in different shards
        elements[f"e{200 + i}"] = elements[f"e{i}"]
    one, each = ShardedVectorSet(conn, "s", shards=4), ShardedVectorSet(OfACluster(conn), "s")
    one.add(elements, {f"e{i}": f'{{"i": {i}, "even": {1 - i % 2}}}' for i in range(250)}, options=["NOQUANT"])
    asked = list(searches(elements))
    before = calls(conn, "VMSIM"), calls(conn, "VSIM")
    for query, how in asked:
        assert one.search(query, **how) == each.search(query, **how), how
    assert (calls(conn, "VMSIM") - before[0], calls(conn, "VSIM") - before[1]) == (len(asked), 4 * len(asked))
    for sharded in (one, each):
        with pytest.raises(redis.ResponseError, match="FILTER"):
            sharded.search("e1", filter=".x ==")
        with pytest.raises(KeyError):
            sharded.search("nothing")
    # While elements move each shard is asked: one may be in two.
    conn.set(one.layout_key(0), "4>5")
    moving = ShardedVectorSet(conn, "s")
    for shard in range(1, 5):
        conn.set(one.layout_key(shard), "4>5")
    before = calls(conn, "VMSIM")
    assert moving.search(elements["e3"], count=5) == each.search(elements["e3"], count=5)
    assert calls(conn, "VMSIM") == before


class OfACluster:
    """A client that tells slots, as those of clusters do."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        return getattr(self.client, name)

    def keyslot(self, key):
        raise NotImplementedError


def test_a_server_that_takes_no_search_over_several_keys(clean):
    conn = redis.Redis(port=clean.port)
    conn.config_resetstat()
    elements = vectors(100)
    ShardedVectorSet(conn, "s", shards=3).add(elements)
    conn.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-vmsim"])
    plain = redis.Redis(port=clean.port, username="plain", password="")
    sharded = ShardedVectorSet(plain, "s")
    assert [sharded.search(elements["e5"], count=1) for _ in range(3)] == [[b"e5"]] * 3
    assert conn.info("commandstats")["cmdstat_VMSIM"]["rejected_calls"] == 1
    conn.acl_deluser("plain")


def test_a_node_of_a_cluster_through_a_client_of_one_server(cluster):
    """It takes each command about its own keys, but none over several slots."""
    conn = client(cluster)
    node = lambda name, shard: conn.get_node_from_key(f"{{{name}:{shard}}}")  # noqa: E731
    name = next(name for name in map(str, range(1000)) if node(name, 0) == node(name, 1))
    elements = vectors(100)
    ShardedVectorSet(conn, name, shards=2).add(elements)
    sharded = ShardedVectorSet(redis.Redis(port=node(name, 0).port), name)
    assert [sharded.search(elements["e5"], count=1) for _ in range(2)] == [[b"e5"]] * 2
    sharded.drop()


def test_asyncio(clean):
    async def run():
        connection = redis.asyncio.Redis(port=clean.port)
        sharded = AsyncShardedVectorSet(connection, "async", shards=3)
        elements = vectors(200)
        assert await sharded.add(elements) == 200
        assert await sharded.search(elements["e5"], count=1) == [b"e5"]
        assert await sharded.reshard(2) > 0
        assert await sharded.count() == 200
        assert await sharded.search("e5", count=1) == [b"e5"]
        assert await sharded.search("e5", count=1, exclude=True) != [b"e5"]
        with pytest.raises(redis.ResponseError, match="FILTER"):
            await sharded.search("e5", filter=".x ==")
        assert (await connection.info("commandstats"))["cmdstat_VMSIM"]["calls"] > 1
        assert await sharded.remove(["e5"]) == 1
        assert await sharded.vector("e5") is None
        await connection.aclose()

    asyncio.run(run())
