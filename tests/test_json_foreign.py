"""Where another module keeps JSON documents, ours leaves them to it, and searches them all the same."""

import json
import subprocess

import numpy as np
import pytest

from resp import ReplyError
from servers import ROOT, Server, eventually, in_sync


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """The other module, compiled."""
    path = tmp_path_factory.mktemp("foreign") / "json.so"
    command = ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", path, ROOT / "tests/foreign_json.c"]
    subprocess.run([str(x) for x in command], check=True)
    return path


@pytest.fixture
def beside(server, foreign):
    """Starts servers with both modules."""
    if server.peer:
        pytest.xfail("has built-in vector sets")
    started = []

    def start(*config, arguments=()):
        started.append(Server(server.kind, ("loadmodule", foreign), *config, arguments=arguments))
        return started[-1]

    yield start
    for s in started:
        s.remove()


VECTORS = np.random.default_rng(1).normal(size=(40, 4)).astype("f4")


def fill(c):
    for i, vector in enumerate(VECTORS):
        document = {"title": f"thing number {i}", "tags": ["even", "all"] if i % 2 == 0 else ["all"], "deep": {"n": i}, "v": vector.tolist()}
        assert c("JSON.SET", f"doc:{i}", "$", json.dumps(document)) == "OK"


def create(c):
    fields = ["$.title", "AS", "title", "TEXT", "$.tags[*]", "AS", "tags", "TAG", "$.deep.n", "AS", "n", "NUMERIC", "SORTABLE"]
    vector = ["$.v", "AS", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "L2"]
    assert c("FT.CREATE", "idx", "ON", "JSON", "PREFIX", 1, "doc:", "SCHEMA", *fields, *vector) == "OK"


def check(c):
    eventually(lambda: c("FT.SEARCH", "idx", "*", "LIMIT", 0, 0) == [40])
    assert c("FT.SEARCH", "idx", "@tags:{even} @n:[30 35]", "SORTBY", "n", "NOCONTENT") == [3, b"doc:30", b"doc:32", b"doc:34"]
    [total, key, [name, whole]] = c("FT.SEARCH", "idx", "@n:[7 7]")
    assert (total, key, name) == (1, b"doc:7", b"$") and json.loads(whole)["deep"] == {"n": 7}
    assert c("FT.SEARCH", "idx", "@n:[7 7]", "RETURN", 4, "$.deep", "title", "AS", "t")[2] == [b"$.deep", b'{"n":7}', b"t", b"thing number 7"]
    query = VECTORS[11]
    nearest = sorted(range(40), key=lambda i: float(((VECTORS[i] - query) ** 2).sum()))[:5]
    found = c("FT.SEARCH", "idx", "*=>[KNN 5 @v $v AS d]", "PARAMS", 2, "v", query.tobytes(), "SORTBY", "d", "NOCONTENT")
    assert found[1:] == [f"doc:{i}".encode() for i in nearest]
    rows = c("FT.AGGREGATE", "idx", "*", "LOAD", 1, "$.tags[0]", "GROUPBY", 1, "@$.tags[0]", "REDUCE", "COUNT", 0, "AS", "n")
    assert sorted(int(row[3]) for row in rows[1:]) == [20, 20]


@pytest.mark.parametrize("order", ["documents first", "index first"])
def test_searched(beside, order):
    s = beside()
    c = s.connect()
    assert "the server has JSON.SET already: json is left to it" in s.log(1000)
    with pytest.raises(ReplyError, match="unknown command"):
        c("JSON.ARRLEN", "doc:1")
    for step in (fill, create) if order == "documents first" else (create, fill):
        step(c)
    check(c)
    # It follows changes; what is no document of its kind is none.
    c("JSON.SET", "doc:7", "$", '{"title":"changed","deep":{"n":700}}')
    assert c("FT.SEARCH", "idx", "@n:[700 700]", "NOCONTENT") == [1, b"doc:7"]
    c("RENAME", "doc:7", "doc:70")
    assert c("FT.SEARCH", "idx", "changed", "NOCONTENT") == [1, b"doc:70"]
    c("HSET", "doc:71", "title", "changed")
    c("VADD", "doc:72", "VALUES", 1, 1, "e")
    c("JSON.SET", "doc:73", "$", "no JSON at all")
    assert c("FT.SEARCH", "idx", "changed", "NOCONTENT") == [1, b"doc:70"]
    c("DEL", "doc:70")
    assert c("FT.SEARCH", "idx", "*", "LIMIT", 0, 0) == [39]
    assert c("FT.CHECK", "idx") == 39


def test_kept(beside):
    s, replica = beside(("appendonly", "yes")), beside()
    replica.replicate(s)
    c = s.connect()
    create(c)
    fill(c)
    in_sync(s, replica)
    check(replica.connect())
    s.restart(kill=True)
    check(s.connect())
    s.connect()("SAVE")
    s.restart()
    check(s.connect())


@pytest.mark.parametrize("arguments", [("json", "no")])
def test_left_out(beside, server, arguments):
    """Told to leave JSON out, ours finds the other module's all the same; without one there are no JSON documents."""
    c = beside(arguments=arguments).connect()
    create(c)
    fill(c)
    check(c)
    alone = Server(server.kind, arguments=arguments)
    try:
        with pytest.raises(ReplyError, match="ON JSON needs JSON documents"):
            create(alone.connect())
    finally:
        alone.remove()
