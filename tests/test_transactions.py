"""MULTI, Lua scripts, functions: the same answers, and nothing ever blocks there."""

import pytest

from resp import ReplyError, error, floats
from vectors import add, fp32, random_vectors, values


def test_multi(c):
    c("MULTI")
    for args in (
        ["VADD", "k", *values(1, 0), "a", "SETATTR", '{"x":1}'],
        ["VADD", "k", *values(0, 1), "b", "CAS"],
        ["VADD", "k", *values(0, 1), "b", "CAS"],
        ["VADD", "k", *values(1), "c"],
        ["VSIM", "k", *values(1, 0), "WITHSCORES", "WITHATTRIBS"],
        ["VSIM", "k", "ELE", "none"],
        ["VSIM", "k", *values(1, 0), "FILTER", ".x == 1"],
        ["VSETATTR", "k", "b", "{}"],
        ["VREM", "k", "a"],
        ["VCARD", "k"],
    ):
        assert c(*args) == "QUEUED"
    assert c("EXEC") == [
        1,
        1,
        0,
        ReplyError("ERR Vector dimension mismatch - got 1 but set has 2"),
        [b"a", b"1", b'{"x":1}', b"b", b"0.5", None],
        ReplyError("ERR element not found in set"),
        [b"a"],
        1,
        1,
        1,
    ]


def test_multi_on_a_large_set(c):
    """Large enough that a search outside of a transaction would go to a thread."""
    vectors = random_vectors(3000, 64, seed=1)
    add(c, "k", vectors, "EF", 50)
    query = ["VSIM", "k", "FP32", fp32(vectors[0]), "EF", 1000, "COUNT", 3, "WITHSCORES"]
    expected = c(*query)
    c("MULTI")
    c("VADD", "k", "FP32", fp32(vectors[0]), "new", "CAS")
    c(*query)
    c("VREM", "k", "new")
    c(*query)
    _, with_new, _, without = c("EXEC")
    assert b"new" in with_new
    assert without[::2] == expected[::2]


def test_watch(clean):
    a, b = clean.connect(), clean.connect()
    a("VADD", "k", *values(1, 0), "e")
    for change in (["VADD", "k", *values(0, 1), "f"], ["VADD", "k", *values(1, 1), "e"], ["VSETATTR", "k", "e", "{}"], ["VREM", "k", "f"]):
        a("WATCH", "k")
        b(*change)
        a("MULTI")
        a("PING")
        assert a("EXEC") is None, change


def test_eval(c):
    script = """
        redis.call('VADD', KEYS[1], 'VALUES', 2, 1, 0, 'a')
        redis.call('VADD', KEYS[1], 'VALUES', 2, 0, 1, 'b', 'CAS')
        local info = redis.call('VINFO', KEYS[1])
        local found = redis.call('VSIM', KEYS[1], 'ELE', 'a', 'WITHSCORES')
        local failed = redis.pcall('VSIM', KEYS[1], 'ELE', 'none')
        return {#info, found, failed.err, redis.call('VEMB', KEYS[1], 'b')}"""
    size, found, failed, vector = c("EVAL", script, 1, "k")
    assert size >= 18
    assert found[::2] == [b"a", b"b"]
    assert failed.endswith(b"element not found in set")
    assert floats(vector) == [0, 1]


def test_eval_with_resp3(c, server):
    c("VADD", "k", *values(1, 0), "a")
    script = "redis.setresp(3); local r = redis.call('VSIM', KEYS[1], 'ELE', 'a', 'WITHSCORES'); return type(r.map or r)"
    assert c("EVAL", script, 1, "k") == b"table"


def test_read_only_scripts(c, server):
    if server.version < (7, 0):
        with error("ERR unknown command", prefix=True):
            c("EVAL_RO", "return 1", 0)
        return
    c("VADD", "k", *values(1, 0), "a")
    for read in ("'VSIM',KEYS[1],'ELE','a'", "'VCARD',KEYS[1]", "'VEMB',KEYS[1],'a'", "'VRANDMEMBER',KEYS[1]"):
        c("EVAL_RO", f"return redis.call({read})", 1, "k")
    with error("ERR Write commands are not allowed from read-only scripts", prefix=True):
        c("EVAL_RO", "return redis.call('VADD', KEYS[1], 'VALUES', 2, 1, 1, 'b')", 1, "k")
    assert c("VCARD", "k") == 1


@pytest.mark.differs("failed and idle writes count as changes")
def test_what_changes_nothing_does_not_disturb_a_transaction(clean):
    a, b = clean.connect(), clean.connect()
    a("VADD", "k", *values(1, 0), "e", "SETATTR", "{}")
    a("WATCH", "k")
    for idle in (
        ["VADD", "k", *values(1), "f"],
        ["VADD", "k", *values(1, 2), "f", "BIN"],
        ["VREM", "k", "none"],
        ["VSETATTR", "k", "none", "{}"],
        ["VSIM", "k", "ELE", "e"],
        ["VLINKS", "k", "e"],
    ):
        b.pipeline([idle])
    a("MULTI")
    a("PING")
    assert a("EXEC") == ["PONG"]


LIBRARY = """#!lua name=lib
redis.register_function('add', function(keys, args)
    return redis.call('VADD', keys[1], 'VALUES', 2, args[1], args[2], args[3])
end)
redis.register_function{function_name='near', flags={'no-writes'}, callback=function(keys, args)
    return redis.call('VSIM', keys[1], 'ELE', args[1], 'WITHSCORES')
end}
redis.register_function{function_name='sneak', flags={'no-writes'}, callback=function(keys, args)
    return redis.call('VREM', keys[1], args[1])
end}
"""


def test_functions(c, server):
    if server.version < (7, 0):
        return  # no functions
    assert c("FUNCTION", "LOAD", "REPLACE", LIBRARY) == b"lib"
    assert c("FCALL", "add", 1, "k", 1, 0, "a") == 1
    assert c("FCALL", "add", 1, "k", 0, 1, "b") == 1
    assert c("FCALL_RO", "near", 1, "k", "a") == c("VSIM", "k", "ELE", "a", "WITHSCORES") == [b"a", b"1", b"b", b"0.5"]
    with error("ERR Write commands are not allowed from read-only scripts", prefix=True):
        c("FCALL_RO", "sneak", 1, "k", "a")
    with error("ERR Vector dimension mismatch", prefix=True):
        c("VADD", "k", *values(1), "c")
    with pytest.raises(ReplyError, match="element not found in set"):
        c("FCALL", "near", 1, "k", "none")
    assert c("VCARD", "k") == 2
    c("FUNCTION", "FLUSH")
