"""vset.vectorset: every command through every client, and filters from Python beside a plain twin."""

import asyncio
import inspect
import json
import math
import random
import re
import subprocess
import sys
import time

import glide
import glide_sync
import numpy as np
import pytest
import redis
import redis.asyncio
import valkey
import valkey.asyncio

import command_line  # makes the package's sources importable
from seeds import new_seed
from servers import ROOT, Server, selected
from vset.filters import field
from vset.vectorset import AsyncVectorSet, Blob, VectorSet

VECTORS = {name: vector.tolist() for name, vector in zip("abcdefghij", np.random.default_rng(1).standard_normal((10, 8)).astype("<f4"))}


@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91")])
def server(request):
    server = Server(request.param)
    yield server
    server.remove()


def redis_py(port, **options):
    client = redis.Redis(port=port, **options)
    client.vset()  # from now on this client converts some replies
    return client


def glide_waiting(port):
    address = glide_sync.NodeAddress("127.0.0.1", port)
    return glide_sync.GlideClient.create(glide_sync.GlideClientConfiguration([address], request_timeout=120000))


CLIENTS = {
    "redis-py, RESP2": lambda port: redis_py(port, protocol=2),
    "redis-py, RESP3": lambda port: redis_py(port, protocol=3),
    "redis-py, decoded": lambda port: redis_py(port, decode_responses=True),
    "valkey-py": lambda port: valkey.Valkey(port=port),
    "valkey-py, RESP3": lambda port: valkey.Valkey(port=port, protocol=3),
    "GLIDE": glide_waiting,
}
ERRORS = (redis.ResponseError, valkey.ResponseError, glide_sync.RequestError)


@pytest.fixture(params=CLIENTS)
def words(clean, request):
    client = CLIENTS[request.param](clean.port)
    yield VectorSet(client, "words")
    client.close()


def test_every_command(words):
    assert words.info() is None and words.count() == 0 and not words.check() and words.search([1.0] * 8) == []
    assert words.add("a", VECTORS["a"], {"n": 0, "s": "x"}, quantization="NOQUANT", m=8, ef=50, metric="COSINE") is True
    assert words.add("a", VECTORS["a"], quantization="NOQUANT", m=8, condition="XX", keep_ttl=True) is False
    rest = {name: vector for name, vector in VECTORS.items() if name != "a"}
    assert words.add_many(rest, {name: {"n": i} for i, name in enumerate(rest, 1)}, quantization="NOQUANT", m=8) == 9
    assert words.add_many({}) == 0
    assert words.count() == 10 and words.dimension() == 8 and words.check()
    assert words.count(".n < $most", {"most": 3}) == 3 == words.count(field("n") < 3)
    assert words.contains("a") and not words.contains("z")
    assert words.vector("b") == pytest.approx(VECTORS["b"], rel=1e-5) and words.vector("z") is None
    assert words.vectors(["z", "c"]) == [None, pytest.approx(VECTORS["c"], rel=1e-5)]
    assert words.attributes("a") == {"n": 0, "s": "x"} and words.attributes("z") is None
    assert words.set_attributes("a", {"n": 0}) and not words.set_attributes("z", {})
    assert words.attributes_of(["a", "z"]) == [{"n": 0}, None]
    assert words.names() == list("abcdefghij") and words.names("(b", "[d") == ["c", "d"] and words.names(count=2) == ["a", "b"]
    assert sorted(words.random(20)) == list("abcdefghij") and len(words.random(-20)) == 20
    assert words.info()["quant-type"] == "f32" and words.info()["size"] == 10
    assert words.explain("a", filter=".n < 3", ef=20)["elements"] == 10
    assert {hit.element for level in words.links("a") for hit in level} <= set("bcdefghij") and words.links("z") is None
    assert words.remove("j") and not words.remove("j") and words.remove_many(["i", "j"]) == 1
    assert words.remove_by_filter(field("n") >= 7) == 1 and words.names() == list("abcdefg")


def test_searching(words):
    words.add_many(VECTORS, {name: {"n": i, "kind": "even" if i % 2 == 0 else "odd"} for i, name in enumerate(VECTORS)})
    found = words.search("a", count=3)
    assert found[0].element == "a" and found[0].score == pytest.approx(1, abs=1e-3) and found[0].attributes is None
    for query in (VECTORS["a"], np.array(VECTORS["a"], "<f4").tobytes(), np.array(VECTORS["a"]), Blob("FP64", np.array(VECTORS["a"], "<f8").tobytes())):
        assert [hit.element for hit in words.search(query, count=3, ef=50, truth=True)] == [hit.element for hit in found]
    assert [hit.element for hit in words.search("a", count=2, exclude=True)] == [hit.element for hit in found[1:]]
    (hit,) = words.search("a", count=1, attributes=True)
    assert hit.attributes == {"n": 0, "kind": "even"}
    assert {hit.element for hit in words.search("a", filter=".kind == $k", params={"k": "odd"}, filter_ef=100)} == set("bdfhj")
    assert {hit.element for hit in words.search("a", filter=(field("kind") == "odd") | (field("n") == 0), count=20)} == set("abdfhj")
    assert words.search("a", min_score=0.999, no_thread=True)[0].element == "a" and len(words.search("a", epsilon=0.001)) == 1
    summed = np.array(VECTORS["a"]) / np.linalg.norm(VECTORS["a"]) - 0.5 * np.array(VECTORS["b"]) / np.linalg.norm(VECTORS["b"])
    assert [h.element for h in words.search("a", also=[("b", -0.5)], truth=True)][:3] == [h.element for h in words.search(summed, truth=True)][:3]
    VectorSet(words.client, "others").add("far", [-x for x in VECTORS["a"]], {"n": 99})
    both = words.search_sets("a", count=20, others=["others"], attributes=True)
    assert len(both) == 11 and both[0][:2] == ("words", "a") and both[-1][:2] == ("others", "far") and both[-1].attributes == {"n": 99}
    with pytest.raises(ERRORS, match="syntax error"):
        words.search("a", filter="((")


def test_times(words):
    assert words.add("a", VECTORS["a"], ttl=1000) and words.add("b", VECTORS["b"], expires_at=time.time() + 2000) and words.add("c", VECTORS["c"])
    a, b, c, z = words.ttl(["a", "b", "c", "z"])
    assert 900 < a <= 1000 and 1900 < b <= 2001 and c == math.inf and z is None
    assert words.expire(["a", "c", "z"], 5000, "XX") == [1, 0, -2] and words.expire_at(["c"], 1) == [2]
    assert words.expire_time(["a"])[0] == pytest.approx(time.time() + 5000, abs=100)
    assert words.persist(["a", "z"]) == [1, -2] and words.ttl(["a"]) == [math.inf] and words.names() == ["a", "b"]
    with pytest.raises(ValueError, match="at most one"):
        words.add("a", VECTORS["a"], ttl=1, keep_ttl=True)


def test_names_of_any_bytes(clean):
    words = VectorSet(redis.Redis(port=clean.port), "words")
    for name in ("", " ", "é", "\udcff\udc80", "a\x00b"):
        assert words.add(name, [1, 2]) and words.contains(name)
    assert set(words.names()) == {"", " ", "é", "\udcff\udc80", "a\x00b"}


async def glide_asyncio(port):
    return await glide.GlideClient.create(glide.GlideClientConfiguration([glide.NodeAddress("127.0.0.1", port)], request_timeout=120000))


async def made(client):
    return client


@pytest.mark.parametrize(
    "connect",
    [lambda port: made(redis.asyncio.Redis(port=port)), lambda port: made(valkey.asyncio.Valkey(port=port)), glide_asyncio],
    ids=["redis-py", "valkey-py", "GLIDE"],
)
def test_asyncio(clean, connect):
    async def run():
        client = await connect(clean.port)
        words = AsyncVectorSet(client, "words")
        assert await words.add_many(VECTORS) == 10 and await words.count() == 10
        assert (await words.search("a", count=1))[0].element == "a"
        assert await words.vectors(["a", "z"]) == [pytest.approx(VECTORS["a"], abs=0.05), None]
        assert await words.remove_many(["a", "b"]) == 2 and await words.vector("a") is None
        await (client.close() if hasattr(client, "custom_command") else client.aclose())

    asyncio.run(run())


def test_twins_have_the_same_documented_methods():
    methods = {name: method for name, method in vars(VectorSet).items() if not name.startswith("_")}
    assert methods.keys() == {name for name in vars(AsyncVectorSet) if not name.startswith("_")}
    for name, method in methods.items():
        assert method.__doc__ and "V" in method.__doc__
        assert inspect.signature(method) == inspect.signature(getattr(AsyncVectorSet, name))


FIELDS = {"n": [1, 2, 3, 2.5], "s": ["x", "y", "it's", 'quo"te', "$p0", "a) or (1", "back\\slash"], "odd \\ \"name": ["x", "z"], "tags": [["x"], ["x", "y"], ["z"]]}


def condition(rng, depth):
    """A filter and its plain twin."""
    if depth and rng.random() < 0.6:
        kind = rng.choice("&|~")
        left, plain = condition(rng, depth - 1)
        if kind == "~":
            return ~left, lambda a: not plain(a)
        right, other = condition(rng, depth - 1)
        return (left & right, lambda a: plain(a) and other(a)) if kind == "&" else (left | right, lambda a: plain(a) or other(a))
    name = rng.choice(list(FIELDS))
    value, more = rng.choice(FIELDS[name]), rng.sample(FIELDS[name], 2)
    here = lambda test: lambda a: name in a and test(a[name])  # noqa: E731
    if name == "tags":
        return field(name).contains(value[0]), here(lambda x: value[0] in x)
    choices = [
        (field(name) == value, here(lambda x: x == value)),
        (field(name) != value, here(lambda x: x != value)),
        (field(name).is_in(more), here(lambda x: x in more)),
        (field(name).is_in([]), lambda a: False),
        (field(name).exists(), lambda a: name in a),
    ]
    if name == "n":
        choices += [(field(name) < value, here(lambda x: x < value)), (field(name) >= value, here(lambda x: x >= value))]
    else:
        choices += [(field(name).starts_with(value[:1]), here(lambda x: x.startswith(value[:1]))), (field(name).has_text(value[-1]), here(lambda x: value[-1] in x))]
    return rng.choice(choices)


def test_filters_are_what_python_makes_of_them(clean):
    seed = new_seed()
    print("seed", seed)
    rng = random.Random(seed)
    things = VectorSet(redis.Redis(port=clean.port), "things")
    attributes = {f"e{i}": {name: rng.choice(values) for name, values in FIELDS.items() if rng.random() < 0.6} | {"i": i} for i in range(60)}
    things.add_many({name: [rng.gauss(0, 1) for _ in range(4)] for name in attributes}, attributes)
    for _ in range(150):
        made, plain = condition(rng, 3)
        try:
            found = things.search([1, 0, 0, 0], count=100, filter=made)
        except ValueError as error:
            assert "too many" in str(error)
            continue
        assert {hit.element for hit in found} == {name for name, own in attributes.items() if plain(own)}, (made, json.dumps(attributes))


def test_filters_that_are_refused():
    with pytest.raises(TypeError):
        field("x") == [1]
    for wrong in (lambda: field(""), lambda: field(), lambda: field("x") < math.nan):
        with pytest.raises(ValueError):
            wrong()
    many = field("a0") == 1
    for i in range(1, 65):
        many = many | (field(f"a{i}") == 1)
    with pytest.raises(ValueError, match="too many"):
        many.alternatives()
    assert (field("a") == 'x" or 1').alternatives() == [('."a" == $p0', {"p0": 'x" or 1'})]


def test_the_example_of_the_page(clean):
    page = (ROOT / "docs/python.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    (printed,) = re.findall(r"^This prints\n\n(.*?)\n\n\w", page, re.M | re.S)
    command = [sys.executable, "-c", code.replace("port=6379", f"port={clean.port}")]
    done = subprocess.run(command, env=command_line.ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines() == [line.strip() for line in printed.splitlines()], done.stderr
