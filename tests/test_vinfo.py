"""VINFO, VDIM, VCARD."""

import pytest

from resp import error, pairs
from vectors import add, random_vectors, values

KEYS = ["quant-type", "hnsw-m", "vector-dim", "projection-input-dim", "size", "max-level", "attributes-count", "vset-uid"]
KEYS += ["hnsw-max-node-uid"]


@pytest.mark.parametrize("quant, reported", [("NOQUANT", "f32"), ("Q8", "int8"), ("BIN", "bin")])
def test_fields(c, server, quant, reported):
    add(c, "k", random_vectors(100, 6, seed=1), quant, "M", 5, prefix=["REDUCE", 3], attributes=lambda i: "{}")
    reply = c("VINFO", "k")
    assert reply[::2] == KEYS + ([] if server.peer else ["distance-metric", "pending"])
    info = pairs(reply)
    assert info.pop("vset-uid") >= 0
    assert info.pop("max-level") > 0
    if not server.peer:
        assert info.pop("pending") >= 0
        assert info.pop("distance-metric") == "cosine"
    assert list(info.values()) == [reported, 5, 3, 6, 100, 100, 100]


def test_uid_tells_sets_apart(c):
    for k in ("a", "b"):
        c("VADD", k, *values(1), "e")
    assert pairs(c("VINFO", "a"))["vset-uid"] != pairs(c("VINFO", "b"))["vset-uid"]


def test_missing_keys(c):
    assert c("VINFO", "k") is None
    assert c("VCARD", "k") == 0
    with error("ERR key does not exist"):
        c("VDIM", "k")


@pytest.mark.parametrize("command", ["VINFO", "VDIM", "VCARD"])
def test_errors(c, command):
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c(command, "s")
    for args in ([], ["k", "x"]):
        with error(f"ERR wrong number of arguments for '{command}' command"):
            c(command, *args)
