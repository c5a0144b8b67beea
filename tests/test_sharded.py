"""One vector set over many keys: vset.sharded over clusters and single servers, resharded while it is used."""

import asyncio
import random
import sys
import threading

import numpy as np
import pytest
import redis
import redis.asyncio
import valkey
from redis.cluster import RedisCluster

from cluster import Cluster
from seeds import new_seed
from servers import ROOT, Server, selected

sys.path.insert(0, str(ROOT / "package/src"))
from vset.sharded import AsyncShardedVectorSet, ShardedVectorSet, place  # noqa: E402

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


def test_asyncio(clean):
    async def run():
        connection = redis.asyncio.Redis(port=clean.port)
        sharded = AsyncShardedVectorSet(connection, "async", shards=3)
        elements = vectors(200)
        assert await sharded.add(elements) == 200
        assert await sharded.search(elements["e5"], count=1) == [b"e5"]
        assert await sharded.reshard(2) > 0
        assert await sharded.count() == 200
        assert await sharded.remove(["e5"]) == 1
        assert await sharded.vector("e5") is None
        await connection.aclose()

    asyncio.run(run())
