"""redis-py's own vector set methods, as an application uses them, sync and async, in both protocols."""

import asyncio
import json

import numpy as np
import pytest
import redis
import redis.asyncio
from redis.commands.vectorset.commands import QuantizationOptions


class Awaited:
    """The async client with the interface of the other."""

    def __init__(self, port, protocol):
        self.loop = asyncio.new_event_loop()
        self.client = redis.asyncio.Redis(port=port, protocol=protocol)
        self.methods = self.client.vset()

    def vset(self):
        return self

    def __getattr__(self, method):
        async def call(*args, **kw):
            return await getattr(self.methods, method)(*args, **kw)

        return lambda *args, **kw: self.loop.run_until_complete(call(*args, **kw))

    def close(self):
        self.loop.run_until_complete(self.client.aclose())
        self.loop.close()


@pytest.fixture(params=["sync-2", "sync-3", "async-2", "async-3"])
def vset(clean, request):
    mode, protocol = request.param.split("-")
    if protocol == "3" and not clean.modern:
        protocol = "2"  # its modules cannot reply with maps, which redis-py expects of RESP3
    kind = redis.Redis if mode == "sync" else Awaited
    client = kind(port=clean.port, protocol=int(protocol))
    yield client.vset()
    client.close()


A, B = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]


def test_vadd(vset):
    assert vset.vadd("k", A, "a") == 1
    assert vset.vadd("k", np.array(B, np.float32).tobytes(), "b", cas=True, ef=50, attributes={"x": 1}) == 1
    assert vset.vadd("k", B, "a") == 0
    assert vset.vadd("q", A, "a", quantization=QuantizationOptions.NOQUANT, numlinks=8) == 1
    assert vset.vadd("r", [1, 2, 3, 4], "a", reduce_dim=2) == 1
    assert vset.vcard("k") == 2
    assert vset.vdim("r") == 2
    with pytest.raises(redis.ResponseError):
        vset.vadd("k", [1.0], "c")


def test_vsim(vset):
    vset.vadd("k", A, "a", attributes={"x": 1}, quantization=QuantizationOptions.NOQUANT)
    vset.vadd("k", B, "b", quantization=QuantizationOptions.NOQUANT)
    assert vset.vsim("k", A) == [b"a", b"b"]
    assert vset.vsim("k", "b", count=1) == [b"b"]
    assert vset.vsim("k", A, with_scores=True) == {b"a": 1.0, b"b": 0.5}
    assert vset.vsim("k", A, with_attribs=True) == {b"a": {"x": 1}, b"b": None}
    both = vset.vsim("k", A, with_scores=True, with_attribs=True)
    assert both == {b"a": {"score": 1.0, "attributes": {"x": 1}}, b"b": {"score": 0.5, "attributes": None}}
    assert vset.vsim("k", A, filter=".x == 1", filter_ef=10, ef=10, truth=True, no_thread=True, epsilon=0.5) == [b"a"]
    with pytest.raises(redis.ResponseError):
        vset.vsim("k", "none")


@pytest.mark.differs("replies an array in any case")
def test_vsim_without_a_key(vset):
    assert not vset.vsim("none", A)
    assert not vset.vsim("none", A, with_scores=True)
    assert not vset.vsim("none", A, with_scores=True, with_attribs=True)


def test_vemb(vset):
    vset.vadd("k", [1, 2, 3], "a")
    assert vset.vemb("k", "a") == pytest.approx([1, 2, 3], abs=0.02)
    raw = vset.vemb("k", "a", raw=True)
    assert raw["quantization"] in ("int8", b"int8")
    assert (raw["raw"], raw["l2"], raw["range"]) == (b"\x2a\x55\x7f", 3.7416574954986572, 0.8017836809158325)
    assert vset.vemb("k", "none") is None
    vset.vadd("b", [1, -1, 3], "a", quantization=QuantizationOptions.BIN)
    assert vset.vemb("b", "a") == [1, -1, 1]
    assert "range" not in vset.vemb("b", "a", raw=True)


def test_vlinks(vset):
    for i in range(100):
        vset.vadd("k", [i, 1.0, i % 7, i % 3], f"e{i}", numlinks=8)
    vset.vadd("k", [50, 1.0, 1, 1], "new", numlinks=8)
    links = vset.vlinks("k", "new")
    assert all(len(level) <= 8 for level in links)
    for level in vset.vlinks("k", "new", with_scores=True):
        assert all(0 <= score <= 1.001 for score in level.values())
    assert vset.vlinks("k", "none") is None
    info = vset.vinfo("k")
    assert info[b"hnsw-max-node-uid" if b"size" in info else "hnsw-max-node-uid"] == 101


def test_attributes(vset):
    vset.vadd("k", A, "a")
    assert vset.vgetattr("k", "a") is None
    assert vset.vsetattr("k", "a", {"x": [1, "y"]}) == 1
    assert vset.vgetattr("k", "a") == {"x": [1, "y"]}
    assert vset.vsetattr("k", "a", json.dumps({"z": 1})) == 1
    assert vset.vgetattr("k", "a") == {"z": 1}
    vset.vsetattr("k", "a", None)
    assert not vset.vgetattr("k", "a")


def test_the_rest(vset):
    assert vset.vinfo("none") is None
    with pytest.raises(redis.ResponseError):
        vset.vdim("none")
    assert vset.vcard("none") == 0
    vset.vadd("k", A, "a")
    assert vset.vrandmember("k") == b"a"
    assert vset.vrandmember("k", -3) == [b"a"] * 3
    assert vset.vrandmember("none") is None
    assert vset.vrem("k", "a") == 1
    assert vset.vrem("k", "a") == 0


def test_filter_ef(vset):
    for i in range(50):
        vset.vadd("k", [1.0, i / 100], f"e{i}", attributes={"x": 0})
    vset.vadd("k", [-1.0, 0.0], "far", attributes={"x": 1})
    assert vset.vsim("k", [1.0, 0.0], filter=".x == 1", filter_ef=500) == [b"far"]
