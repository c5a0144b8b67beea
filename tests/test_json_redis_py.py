"""redis-py's `json()` as its users and its own tests use it: each command with its paths, in both protocols, and in pipelines."""

import asyncio
import json

import pytest
import redis
import redis.asyncio
from redis import exceptions
from redis.commands.json.path import Path

ROOT = Path.root_path()
NESTED = {"a": ["foo"], "nested1": {"a": ["hello", None, "world"]}, "nested2": {"a": 31}}


@pytest.fixture(params=[2, 3])
def r(clean, request):
    if clean.peer:
        pytest.xfail("has no JSON")
    # Redis 6.2 has no RESP3 for modules.
    protocol = request.param if clean.modern else 2
    client = clean.client(protocol, decode_responses=True)
    client.three = protocol == 3
    yield client
    client.close()


def legacy(r, value):
    """What RESP3 wraps once more."""
    return [value] if r.three else value


def test_set_get_delete(r):
    j = r.json()
    with pytest.raises(TypeError):
        j.set("somekey", ROOT, {"hello": "world", b"some": "value"})
    assert j.set("somekey", ROOT, {"hello": "world", b"some": "value"}, decode_keys=True)
    assert j.set("foo", ROOT, "bar") is True
    assert j.get("foo") == "bar" and j.get("baz") is None
    assert j.delete("foo") == 1 and j.forget("foo") == 0 and r.exists("foo") == 0
    assert j.set("foo", "$", "bar") and j.get("foo") == "bar" and j.get("foo", "$") == ["bar"]
    assert j.set("notascii", "$", "hyvää-élève")
    assert j.get("notascii", no_escape=True) == "hyvää-élève" == j.get("notascii")
    obj = {"foo": "bar"}
    assert j.set("obj", ROOT, obj)
    assert j.set("obj", Path("foo"), "baz", xx=True) is True
    assert j.set("obj", Path("qaz"), "baz", nx=True) is True
    assert j.set("obj", Path("foo"), "baz", nx=True) is None
    assert j.set("obj", Path("qux"), "baz", xx=True) is None
    with pytest.raises(Exception, match="mutually exclusive"):
        j.set("obj", Path("foo"), "baz", nx=True, xx=True)
    assert j.get("obj", "foo", "qaz") == {"foo": "baz", "qaz": "baz"}
    assert j.get("obj", "$.foo", "$.no") == {"$.foo": ["baz"], "$.no": []}
    with pytest.raises(exceptions.ResponseError):
        j.get("obj", ".no")
    assert j.get("obj", "$.no") == []
    with pytest.raises(exceptions.ResponseError):
        j.set("new", "$.a.b", 1)
    assert j.set("obj", "$.x.y", 1) is None


def test_many(r):
    j = r.json()
    assert j.mset([("1", ROOT, 1), ("2", ROOT, 2)]) is True
    assert j.mget(["1"], ROOT) == [1] and j.mget([1, 2], ROOT) == [1, 2]
    j.set("doc1", "$", {"a": 1, "b": 2, "nested": {"a": 3}, "c": None, "nested2": {"a": None}})
    j.set("doc2", "$", {"a": 4, "b": 5, "nested": {"a": 6}, "c": None, "nested2": {"a": [None]}})
    assert j.get("doc1", "$..a") == [1, 3, None] and j.get("doc2", "$..a") == [4, 6, [None]]
    assert j.mget(["doc1", "doc2"], "$..a") == [[1, 3, None], [4, 6, [None]]]
    assert j.mget(["doc1", "missing"], "$..a") == [[1, 3, None], None]
    assert j.mget(["x", "y"], "$..a") == [None, None]
    assert j.mget(["doc1", "doc2"], ".a") == [1, 4]


def test_merge(r):
    j = r.json()
    assert j.set("p", "$", {"person1": {"personal_data": {"name": "John"}}})
    assert j.merge("p", "$", {"person1": {"personal_data": {"hobbies": "reading"}}})
    assert j.get("p") == {"person1": {"personal_data": {"name": "John", "hobbies": "reading"}}}
    assert j.merge("p", "$.person1.personal_data", {"hobbies": None, "age": 3})
    assert j.get("p", "$..personal_data") == [{"name": "John", "age": 3}]
    assert j.merge("fresh", "$", {"a": 1}) and j.get("fresh") == {"a": 1}


def test_kinds(r):
    j = r.json()
    j.set("1", ROOT, 1)
    assert j.type("1", ROOT) == legacy(r, "integer") == j.type("1")
    j.set("doc", "$", {"a": "s", "b": 1.5, "c": [True, None, {}], "d": -1})
    kinds = ["string", "number", "array", "integer"]
    assert j.type("doc", "$.*") == legacy(r, kinds)
    assert j.type("doc", "$.c[*]") == legacy(r, ["boolean", "null", "object"])
    assert j.type("doc", "$.no") == legacy(r, [])
    assert j.type("missing") in (None, [None])


def test_numbers(r):
    j = r.json()
    j.set("num", ROOT, 1)
    assert j.numincrby("num", ROOT, 1) == legacy(r, 2)
    assert j.numincrby("num", ROOT, 0.5) == legacy(r, 2.5)
    assert j.numincrby("num", ROOT, -1.25) == legacy(r, 1.25)
    assert j.nummultby("num", ROOT, 2) == legacy(r, 2.5)
    doc = {"a": "b", "b": [{"a": 2}, {"a": 5.0}, {"a": "c"}]}
    j.set("doc1", "$", doc)
    assert j.numincrby("doc1", "$..a", 2) == [None, 4, 7.0, None]
    assert j.numincrby("doc1", "$..a", 2.5) == [None, 6.5, 9.5, None]
    assert j.numincrby("doc1", "$..b[1].a", 2) == [11.5]
    assert j.numincrby("doc1", "$..b[2].a", 2) == [None]
    assert j.numincrby("doc1", "$..b[1].a", 3.5) == [15.0]
    j.set("doc1", "$", doc)
    assert j.nummultby("doc1", "$..a", 2) == [None, 4, 10, None]
    assert j.nummultby("doc1", "$..a", 2.5) == [None, 10.0, 25.0, None]
    assert j.nummultby("doc1", "$..b[2].a", 2) == [None]
    assert j.numincrby("doc1", ".b[0].a", 3) == legacy(r, 13.0)
    for call in (j.numincrby, j.nummultby):
        with pytest.raises(exceptions.ResponseError):
            call("missing", "$..a", 2)
        with pytest.raises(exceptions.ResponseError):
            call("doc1", ".a", 2)


def test_powers(r):
    """JSON.NUMPOWBY, for which redis-py has no method."""
    r.json().set("doc", "$", {"a": 3, "b": -2, "c": 0.5, "d": "x", "e": 0})
    power = lambda path, n: r.execute_command("JSON.NUMPOWBY", "doc", path, n)  # noqa: E731
    texts = lambda reply: json.loads(reply) if isinstance(reply, str) else reply  # noqa: E731
    assert texts(power("$.*", 2)) == [9, 4, 0.25, None, 0]
    assert r.json().get("doc") == {"a": 9, "b": 4, "c": 0.25, "d": "x", "e": 0}
    assert texts(power("$.a", -1)) == [1 / 9] and texts(power("$.e", 0)) == [1]
    r.json().set("doc", "$", {"a": 2, "b": -1, "c": 0})
    assert texts(power("$.a", 62)) == [2**62]
    for path, n in (("$.a", 2), ("$.a", 10**18), ("$.c", -1), ("$.a", '"x"')):
        with pytest.raises(exceptions.ResponseError):
            power(path, n)
    assert texts(power("$.b", 10**18 + 1)) == [-1]
    assert r.json().get("doc") == {"a": 2**62, "b": -1, "c": 0}


def test_toggle(r):
    j = r.json()
    j.set("bool", ROOT, False)
    assert bool(j.toggle("bool", ROOT)) is True
    assert bool(j.toggle("bool", ROOT)) is False
    j.set("num", ROOT, 1)
    with pytest.raises(exceptions.ResponseError):
        j.toggle("num", ROOT)
    j.set("doc1", "$", {"a": ["foo"], "nested1": {"a": False}, "nested2": {"a": 31}, "nested3": {"a": True}})
    assert j.toggle("doc1", "$..a") == [None, 1, None, 0]
    assert j.get("doc1", "$..a") == [["foo"], True, 31, False]
    with pytest.raises(exceptions.ResponseError):
        j.toggle("missing", "$..a")


def test_strings(r):
    j = r.json()
    j.set("s", ROOT, "foo")
    assert j.strappend("s", "bar") == 6 and j.get("s") == "foobar" and j.strlen("s") == 6 and j.strlen("s", ROOT) == 6
    j.set("doc1", "$", {"a": "foo", "nested1": {"a": "hello"}, "nested2": {"a": 31}})
    assert j.strappend("doc1", "bar", "$..a") == [6, 8, None]
    assert j.strappend("doc1", "baz", "$.nested1.a") == [11]
    assert j.strlen("doc1", "$..a") == [6, 11, None]
    assert j.strappend("doc1", "baz", ".nested1.a") == 14 and j.strlen("doc1", ".nested1.a") == 14
    for call in (lambda: j.strappend("missing", "x", "$..a"), lambda: j.strlen("missing", "$..a"), lambda: j.strappend("doc1", "x", "piu"), lambda: j.strlen("doc1", "nested2.a")):
        with pytest.raises(exceptions.ResponseError):
            call()


def test_arrays(r):
    j = r.json()
    j.set("arr", ROOT, [1])
    assert [j.arrappend("arr", ROOT, 2), j.arrappend("arr", ROOT, 3, 4), j.arrappend("arr", ROOT, *[5, 6, 7])] == [2, 4, 7]
    j.set("arr", ROOT, [0, 1, 2, 3, 4])
    assert j.arrindex("arr", ROOT, 1) == 1 and j.arrindex("arr", ROOT, 1, 2) == -1 and j.arrindex("arr", ROOT, 4) == 4
    assert j.arrindex("arr", ROOT, 4, start=0) == 4 == j.arrindex("arr", ROOT, 4, start=0, stop=5000)
    assert j.arrindex("arr", ROOT, 4, start=0, stop=-1) == -1 == j.arrindex("arr", ROOT, 4, start=1, stop=3)
    j.set("arr", ROOT, [0, 4])
    assert j.arrinsert("arr", ROOT, 1, *[1, 2, 3]) == 5 and j.get("arr") == [0, 1, 2, 3, 4]
    j.set("val2", ROOT, [5, 6, 7, 8, 9])
    assert j.arrinsert("val2", ROOT, 0, ["some", "thing"]) == 6 and j.get("val2") == [["some", "thing"], 5, 6, 7, 8, 9]
    assert j.arrlen("arr", ROOT) == 5 == j.arrlen("arr") and j.arrlen("fakekey") is None
    assert [j.arrpop("arr", ROOT, 4), j.arrpop("arr", ROOT, -1), j.arrpop("arr", ROOT), j.arrpop("arr", ROOT, 0)] == [4, 3, 2, 0]
    assert j.get("arr") == [1]
    j.set("arr", ROOT, [0, 1, 2, 3, 4])
    assert j.arrpop("arr", ROOT, 99) == 4
    j.set("arr", ROOT, [])
    assert j.arrpop("arr") is None
    for stop, start, left in ((3, 1, 3), (3, -1, 0), (99, 3, 2), (1, 9, 0), (11, 9, 0)):
        j.set("arr", ROOT, [0, 1, 2, 3, 4])
        if start == -1:
            j.set("arr", ROOT, [1, 2, 3])
            assert j.arrtrim("arr", ROOT, start, 3) in (0, 1)
            continue
        assert j.arrtrim("arr", ROOT, start, stop) == left


def test_arrays_of_paths(r):
    j = r.json()
    j.set("doc1", "$", NESTED)
    assert j.arrappend("doc1", "$..a", "bar", "racuda") == [3, 5, None]
    assert j.get("doc1", "$..a") == [["foo", "bar", "racuda"], ["hello", None, "world", "bar", "racuda"], 31]
    assert j.arrappend("doc1", "$.nested1.a", "baz") == [6]
    assert j.arrlen("doc1", "$..a") == [3, 6, None] and j.arrlen("doc1", "$.nested1.a") == [6]
    with pytest.raises(exceptions.ResponseError):
        j.arrappend("missing", "$..a")
    j.set("doc1", "$", NESTED)
    assert j.arrappend("doc1", "..a", "bar", "racuda") == 5
    assert j.arrappend("doc1", ".nested1.a", "baz") == 6
    with pytest.raises(exceptions.ResponseError):
        j.arrappend("doc1", ".nested2.a", "x")
    j.set("doc1", "$", NESTED)
    assert j.arrinsert("doc1", "$..a", "1", "bar", "racuda") == [3, 5, None]
    assert j.get("doc1", "$..a") == [["foo", "bar", "racuda"], ["hello", "bar", "racuda", None, "world"], 31]
    assert j.arrinsert("doc1", "$.nested1.a", -2, "baz") == [6]
    assert j.get("doc1", "$.nested1.a") == [["hello", "bar", "racuda", "baz", None, "world"]]
    j.set("doc1", "$", {"a": ["foo"], "nested1": {"a": ["hello", None, "world"]}, "nested2": {"a": 31}})
    assert j.arrpop("doc1", "$..a", 1) in (['"foo"', None, None], ['"foo"', "null", None])
    assert j.get("doc1", "$..a") == [[], ["hello", "world"], 31]
    j.set("doc1", "$", NESTED)
    assert j.arrpop("doc1", "..a", "1") in (None, "null")  # the text null, which no decoder of redis-py takes
    j.set("doc1", "$", NESTED)
    assert j.arrtrim("doc1", "$..a", "1", -1) == [0, 2, None]
    assert j.get("doc1", "$..a") == [[], [None, "world"], 31]
    assert j.arrtrim("doc1", "$..a", "1", "1") == [0, 1, None]
    j.set("doc1", "$", NESTED)
    assert j.arrtrim("doc1", "..a", "1", "-1") == 2
    j.set("store", "$", {"store": {"book": [{"size": [10, 20, 30, 40]}, {"size": [50, 60]}, {"size": []}, {"x": 1}]}})
    assert j.arrindex("store", "$.store.book[?(@.size)].size", 20) in ([1, -1, -1], [1, -1])
    assert j.arrindex("store", "$..size", 60) == [-1, 1, -1]


def test_objects(r):
    j = r.json()
    obj = {"foo": "bar", "baz": 1, "qaz": True}
    j.set("obj", ROOT, obj)
    assert j.objkeys("obj", ROOT) == list(obj) == j.objkeys("obj") and j.objkeys("fakekey") is None
    assert j.objlen("obj", ROOT) == 3 == j.objlen("obj")
    j.set("doc1", "$", {"nested1": {"a": {"foo": 10, "bar": 20}}, "a": ["foo"], "nested2": {"a": {"baz": 50}}})
    assert j.objkeys("doc1", "$.nested1.a") == [["foo", "bar"]]
    assert j.objkeys("doc1", "$..a") == [["foo", "bar"], None, ["baz"]] or j.objkeys("doc1", "$..a") == [None, ["foo", "bar"], ["baz"]]
    assert j.objkeys("doc1", ".*.a") == ["foo", "bar"] and j.objkeys("doc1", ".nested2.a") == ["baz"]
    assert j.objkeys("missing", "..a") is None and j.objkeys("doc1", "$..nowhere") == []
    assert sorted(j.objlen("doc1", "$..a"), key=str) == [1, 2, None]
    assert j.objlen("doc1", "$.nested1.a") == [2] and j.objlen("doc1", "$.nowhere") == []
    assert j.objlen("doc1", ".*.a") == 2 and j.objlen("doc1", ".nested2.a") == 1 and j.objlen("missing", "..a") is None
    assert j.objlen("doc1", ".nowhere") is None
    with pytest.raises(exceptions.ResponseError):
        j.objlen("missing", "$..a")


def test_clear_and_delete(r):
    j = r.json()
    j.set("arr", ROOT, [0, 1, 2])
    assert j.clear("arr", ROOT) == 1 and j.get("arr") == []
    j.set("doc1", "$", {"nested1": {"a": {"foo": 10, "bar": 20}}, "a": ["foo"], "nested2": {"a": "claro"}, "nested3": {"a": {"baz": 50}}})
    assert j.clear("doc1", "$..a") == 3
    assert j.get("doc1", "$") == [{"nested1": {"a": {}}, "a": [], "nested2": {"a": "claro"}, "nested3": {"a": {}}}]
    assert j.clear("doc1", "$") == 1 and j.get("doc1", "$") == [{}]
    with pytest.raises(exceptions.ResponseError):
        j.clear("missing", "$..a")
    j.set("doc1", "$", {"a": 1, "nested": {"a": 2, "b": 3}})
    assert j.delete("doc1", "$..a") == 2 and j.get("doc1", "$") == [{"nested": {"b": 3}}]
    j.set("doc2", "$", {"a": {"a": 2, "b": 3}, "b": ["a", "b"], "nested": {"b": [True, "a", "b"]}})
    assert j.delete("doc2", "$..a") == 1
    assert j.get("doc2", "$") == [{"nested": {"b": [True, "a", "b"]}, "b": ["a", "b"]}]
    nested = [{"ciao": [i, "a"]} for i in range(3)] + [{"e": [4, "non", "ciao"]}]
    j.set("doc3", "$", [{"ciao": ["non ancora"], "nested": nested}])
    assert j.delete("doc3", '$.[0]["nested"]..ciao') == 3
    assert j.get("doc3", "$") == [[{"ciao": ["non ancora"], "nested": [{}, {}, {}, nested[3]]}]]
    assert j.delete("doc3") == 1 and j.get("doc3", "$") is None and j.delete("missing", "..a") == 0


def test_resp(r):
    j = r.json()
    j.set("obj", ROOT, {"foo": "bar", "baz": 1, "qaz": True})
    if not r.three:
        assert [j.resp("obj", Path("foo")), j.resp("obj", Path("baz")), bool(j.resp("obj", Path("qaz")))] == ["bar", 1, True]
    assert j.resp("obj") is not None and j.resp("missing") in (None, [None])
    j.set("doc1", "$", {"L1": {"a": {"A1_B1": 10, "A1_B2": False, "A1_B3": {"A1_B3_C1": None}}}, "L2": {"a": {"B1": [10, 1.5]}}})
    found = j.resp("doc1", "$..a")
    assert len(found) == 2 and found[0][:3] == ["{", "A1_B1", 10] and found[1][:2] == ["{", "B1"]


def test_debug(r):
    j = r.json()
    j.set("str", ROOT, "foo")
    assert j.debug("MEMORY", "str", ROOT) > 0
    assert j.debug("MEMORY", "missing", ROOT) == 0 and isinstance(j.debug("HELP"), list)
    j.set("doc", "$", {"a": "x", "b": {"a": [1, 2]}})
    assert len(j.debug("MEMORY", "doc", "$..a")) == 2


def test_pipelines_and_files(r, tmp_path):
    p = r.json().pipeline()
    p.set("foo", ROOT, "bar")
    p.get("foo")
    p.delete("foo")
    assert p.execute() == [True, "bar", 1]
    p = r.json().pipeline()
    p.set("foo", ROOT, {"hello": "world", "oh": "snap"})
    p.get("foo")
    p.delete("foo")
    assert p.execute() == [True, {"hello": "world", "oh": "snap"}, 1]
    with r.pipeline(transaction=True) as pipe:
        pipe.json().set("k", "$", {"n": 1})
        pipe.json().numincrby("k", "$.n", 1)
        pipe.json().get("k")
        assert pipe.execute() == [True, [2], {"n": 2}]
    file = tmp_path / "a.json"
    file.write_text('{"hello": "world"}')
    assert r.json().set_file("test", ROOT, str(file)) and r.json().get("test") == {"hello": "world"}
    assert r.json().set_path(ROOT, str(tmp_path)) == {str(file): True}
    decoded = r.json(decoder=json.JSONDecoder(object_pairs_hook=list))
    assert decoded.get("test") == [("hello", "world")]


@pytest.mark.parametrize("protocol", [2, 3])
def test_async(clean, protocol):
    if clean.peer:
        pytest.xfail("has no JSON")

    async def run():
        async with redis.asyncio.Redis(port=clean.port, protocol=protocol if clean.modern else 2, decode_responses=True) as r:
            j = r.json()
            assert await j.set("doc", "$", NESTED)
            assert await j.get("doc", "$..a") == [["foo"], ["hello", None, "world"], 31]
            assert await j.arrappend("doc", "$..a", 1) == [2, 4, None]
            assert await j.arrlen("doc", ".a") == 2
            assert await j.numincrby("doc", "$.nested2.a", 1) == [32]
            assert await j.objkeys("doc") == ["a", "nested1", "nested2"]
            assert await j.mget(["doc", "x"], "$.a") == [[["foo", 1]], None]
            async with r.pipeline() as pipe:
                pipe.json().set("p", "$", [1])
                pipe.json().arrpop("p")
                assert await pipe.execute() == [True, 1]

    asyncio.run(run())
