"""The type of every reply on the wire, in RESP2 and RESP3."""

import pytest

from vectors import values


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def wire(clean, request):
    """A connection, and whether replies have the shapes of RESP3. Redis 6.2's modules only know doubles and null of them."""
    c = clean.connect(protocol=request.param)
    c.maps = request.param == 3 and clean.modern
    c.doubles = request.param == 3
    c("VADD", "k", *values(3, 4), "a", "NOQUANT", "SETATTR", '{"x":1}')
    c("VADD", "k", *values(-4, 3), "b", "NOQUANT")
    return c


def boolean(c, value):
    return (b"#t" if value else b"#f") if c.maps else b":%d" % value


def nil(c):
    return b"_" if c.protocol == 3 else b"$-1"


def double(c, value):
    return value if c.doubles else str(value).rstrip("0").rstrip(".").encode()


def mapping(c, *items):
    """The reply that stands for this map."""
    if c.maps:
        return dict(items)
    return [x for k, v in items for x in (k, *(v if isinstance(v, list) else [v]))]


def test_booleans(wire):
    for args, value in [
        (["VADD", "k", *values(1, 2), "new", "NOQUANT"], 1),
        (["VADD", "k", *values(1, 2), "new", "NOQUANT"], 0),
        (["VADD", "k", *values(1, 2), "cas", "NOQUANT", "CAS"], 1),
        (["VADD", "k", *values(1, 2), "cas", "NOQUANT", "CAS"], 0),
        (["VREM", "k", "new"], 1),
        (["VREM", "k", "new"], 0),
        (["VREM", "none", "new"], 0),
        (["VSETATTR", "k", "b", "{}"], 1),
        (["VSETATTR", "k", "none", "{}"], 0),
        (["VSETATTR", "none", "b", "{}"], 0),
        (["VISMEMBER", "k", "a"], 1),
        (["VISMEMBER", "k", "none"], 0),
        (["VISMEMBER", "none", "a"], 0),
    ]:
        wire(*args)
        assert wire.head == boolean(wire, value), args


def test_integers(wire):
    for args, head in [(["VCARD", "k"], b":2"), (["VDIM", "k"], b":2"), (["VCARD", "none"], b":0")]:
        wire(*args)
        assert wire.head == head


def test_vsim(wire):
    c = wire
    query = ["VSIM", "k", *values(3, 4)]
    one, half = double(c, 1.0), double(c, 0.5)
    assert c(*query) == [b"a", b"b"]
    with_scores = c(*query, "WITHSCORES")
    assert type(with_scores) is (dict if c.maps else list)
    if c.maps:
        assert with_scores == {b"a": pytest.approx(1, abs=1e-6), b"b": pytest.approx(0.5, abs=1e-6)}
    assert c(*query, "WITHATTRIBS") == mapping(c, (b"a", b'{"x":1}'), (b"b", None))
    c("VADD", "q", *values(1, 0), "a", "NOQUANT", "SETATTR", '{"x":1}')
    c("VADD", "q", *values(0, 1), "b", "NOQUANT")
    query = ["VSIM", "q", *values(1, 0)]
    assert c(*query, "WITHSCORES") == mapping(c, (b"a", one), (b"b", half))
    both = mapping(c, (b"a", [one, b'{"x":1}']), (b"b", [half, None]))
    assert c(*query, "WITHSCORES", "WITHATTRIBS") == both
    assert c(*query, "WITHATTRIBS", "WITHSCORES", "NOTHREAD") == both


@pytest.mark.parametrize("options", [[], ["WITHSCORES"], ["WITHATTRIBS"], ["WITHSCORES", "WITHATTRIBS"]])
def test_vsim_without_results(wire, options):
    wire("VSIM", "k", *values(3, 4), "FILTER", ".none", *options)
    assert wire.head == (b"%0" if options and wire.maps else b"*0")


@pytest.mark.differs("an array in any case")
@pytest.mark.parametrize("options", [[], ["WITHSCORES"], ["WITHATTRIBS"], ["WITHSCORES", "WITHATTRIBS"]])
def test_vsim_without_a_key(wire, options):
    wire("VSIM", "none", *values(3, 4), *options)
    assert wire.head == (b"%0" if options and wire.maps else b"*0")


def test_vemb(wire):
    c = wire
    assert c("VEMB", "k", "a") == [double(c, 3.0), double(c, 4.0)]
    kind, blob, l2 = c("VEMB", "k", "a", "RAW")
    assert (type(kind), type(blob), l2) == (str, bytes, double(c, 5.0))
    c("VADD", "q", *values(3, 4), "a")
    kind, blob, l2, range_ = c("VEMB", "q", "a", "RAW")
    assert (kind, l2, type(range_)) == ("int8", double(c, 5.0), float if c.doubles else bytes)
    for missing in (["k", "none"], ["none", "a"], ["none", "a", "RAW"]):
        assert c("VEMB", *missing) is None
        assert c.head == nil(c)


def test_vlinks(wire):
    c = wire
    assert c("VLINKS", "k", "a")[-1] == [b"b"]
    level = c("VLINKS", "k", "a", "WITHSCORES")[-1]
    assert type(level) is (dict if c.maps else list)
    score = level[b"b"] if c.maps else level[1]
    assert type(score) is (float if c.doubles else bytes)
    for missing in (["k", "none"], ["none", "a"]):
        assert c("VLINKS", *missing) is None
        assert c.head == nil(c)


def test_vinfo(wire, server):
    reply = wire("VINFO", "k")
    pairs = 9 if server.peer else 11
    assert wire.head == (b"%%%d" % pairs if wire.maps else b"*%d" % (2 * pairs))
    items = list(reply.items()) if wire.maps else list(zip(reply[::2], reply[1::2]))
    assert all(type(key) is str for key, _ in items)
    assert items[0] == ("quant-type", "f32")
    if not server.peer:
        items.remove(("distance-metric", "cosine"))
    assert all(type(value) is int for _, value in items[1:])
    assert wire("VINFO", "none") is None
    assert wire.head == (b"_" if wire.protocol == 3 else b"*-1")


def test_vgetattr(wire):
    assert wire("VGETATTR", "k", "a") == b'{"x":1}'
    for missing in (["k", "b"], ["k", "none"], ["none", "a"]):
        wire("VGETATTR", *missing)
        assert wire.head == nil(wire)


def test_vrandmember(wire):
    assert wire("VRANDMEMBER", "k") in (b"a", b"b")
    assert sorted(wire("VRANDMEMBER", "k", 5)) == [b"a", b"b"]
    wire("VRANDMEMBER", "none")
    assert wire.head == nil(wire)
    wire("VRANDMEMBER", "none", 5)
    assert wire.head == b"*0"


@pytest.mark.differs("8.2 has no VRANGE")
def test_vrange(wire):
    assert wire("VRANGE", "k", "-", "+") == [b"a", b"b"]
    wire("VRANGE", "none", "-", "+")
    assert wire.head == b"*0"


def test_errors_keep_the_connection_usable(wire):
    replies = wire.pipeline([["VADD", "k", "x"], ["VSIM", "k", "ELE", "none"], ["VCARD", "k"]])
    assert [type(r).__name__ for r in replies] == ["ReplyError", "ReplyError", "int"]
