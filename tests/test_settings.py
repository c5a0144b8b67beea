"""CONFIG GET/SET vectorset.*, which servers offer to modules from 7.0 on, and arguments of loadmodule."""

import pytest

from resp import ReplyError, pairs
from vectors import add, fp32, random_vectors, values

SINGLE = "vectorset.force-single-threaded-execution"


@pytest.fixture
def settings(clean):
    if clean.peer:
        pytest.xfail("has other names")
    c = clean.connect()
    if clean.modern:
        before = pairs(c("CONFIG", "GET", "vectorset.*"))
        yield c
        for name, value in before.items():
            c.pipeline([["CONFIG", "SET", name, value]])
    else:
        yield c


def test_listed(settings, server):
    found = pairs(settings("CONFIG", "GET", "vectorset.*"))
    if not server.modern:
        assert found == {}
        return
    assert set(found) >= {SINGLE.encode(), b"vectorset.threads", b"vectorset.pending-bytes"}
    assert found[SINGLE.encode()] == b"no"
    assert int(found[b"vectorset.threads"]) >= 0
    assert int(found[b"vectorset.pending-bytes"]) > 0


def test_same_answers_in_a_single_thread(settings, server):
    c = settings
    vectors = random_vectors(1500, 32, seed=1)
    add(c, "k", vectors)
    ask = lambda: [c("VSIM", "k", "FP32", fp32(v), "EF", 500, "WITHSCORES") for v in vectors[:20]]
    expected = ask()
    if not server.modern:
        return
    for value in ("yes", "no", "YES"):
        assert c("CONFIG", "SET", SINGLE, value) == "OK"
        assert pairs(c("CONFIG", "GET", SINGLE))[SINGLE.encode()] == value.lower().encode()
        assert ask() == expected
        assert c("VADD", "k", *values(*range(32)), "new", "CAS") == 1
        assert c("VREM", "k", "new") == 1
    with pytest.raises(ReplyError):
        c("CONFIG", "SET", SINGLE, "maybe")


@pytest.mark.parametrize("bad", ["x", "-5", ""])
@pytest.mark.parametrize("name", ["vectorset.threads", "vectorset.pending-bytes"])
def test_bad_values(settings, server, name, bad):
    before = settings("CONFIG", "GET", name)
    with pytest.raises(ReplyError):
        settings("CONFIG", "SET", name, bad)
    assert settings("CONFIG", "GET", name) == before


@pytest.mark.parametrize("limit", [1, 10_000, 10_000_000])
def test_pending_bytes(settings, server, limit):
    """However little may wait to be linked, nothing changes in the answers."""
    c = settings
    if server.modern:
        c.pipeline([["CONFIG", "SET", "vectorset.pending-bytes", limit]])
    vectors = random_vectors(800, 32, seed=2)
    add(c, "k", vectors)
    for i in range(0, 800, 40):
        assert c("VSIM", "k", "FP32", fp32(vectors[i]), "COUNT", 1) == [b"e%d" % i]
    c("DEL", "k")


def test_config_file(launch, server):
    """Settings can be given where the server is configured."""
    if server.peer or not server.modern:
        return
    s = launch((SINGLE, "yes"))
    assert pairs(s.connect()("CONFIG", "GET", SINGLE))[SINGLE.encode()] == b"yes"
