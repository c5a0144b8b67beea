"""DUMP and RESTORE: samples written by Redis 8.10, exchange with Redis 8.2 both ways, hostile payloads."""

import base64
import json
import pathlib
import random
import struct

import pytest

import payload
from payload import node, params, stamped, string, uint, vectorset
from resp import ReplyError, error, floats, pairs
from servers import settle
from vectors import add, fp32, name, random_vectors, values

SAMPLES = json.loads((pathlib.Path(__file__).parent / "data/dump-samples.json").read_text())["samples"]
BAD = "ERR Bad data format"


def same(got, expected):
    """Replies of the samples are those of RESP2 as JSON; numbers count to 1e-6, neighbours in any order."""
    if isinstance(expected, dict):
        return got == base64.b64decode(expected["base64"])
    if isinstance(expected, list):
        if len(got) == len(expected) and all(map(same, got, expected)):
            return True
        return bool(got) and all(isinstance(x, list) for x in got) and all(sorted(g) == sorted(str(x).encode() for x in e) for g, e in zip(got, expected))
    if isinstance(got, bytes) and isinstance(expected, str):
        try:
            return float(got) == pytest.approx(float(expected), abs=1e-6)
        except ValueError:
            return got == expected.encode() or got.decode(errors="replace") == expected
    return got == expected


def test_crc():
    assert payload.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s["name"])
def test_samples(c, server, sample):
    if sample.get("restore_accepted") is False:
        with error(BAD):
            payload.move(c, "k", base64.b64decode(sample["dump_base64"]))
        return
    payload.move(c, sample["key"], base64.b64decode(sample["dump_base64"]))
    info = pairs(c("VINFO", "k"))
    assert {k: info[k] for k in sample["vinfo_without_uid"]} == sample["vinfo_without_uid"]
    for expectation in sample["expect_after_restore"]:
        command = [base64.b64decode(a["base64"]) if isinstance(a, dict) else a for a in expectation["command"]]
        if command[0] == "VRANGE" and server.peer:
            continue
        if command[0] == "VSIM":
            check_search(c, command, expectation["reply_resp2"], pairs(c("VINFO", "k"))["quant-type"])
        elif command[0] == "VEMB" and "RAW" in command:
            check_raw(c(*command), expectation["reply_resp2"])
        else:
            got = c(*command)
            assert same(got, expectation["reply_resp2"]), (command, got, expectation["reply_resp2"])


def check_raw(got, expected):
    assert got[0] == expected[0]
    if isinstance(expected[1], dict):
        assert got[1] == base64.b64decode(expected[1]["base64"])
    assert floats(got[2:]) == pytest.approx(floats(expected[2:]), abs=1e-6)


def check_search(c, command, expected, quant):
    """Names; scores too, up to what scoring with the unquantized query may change."""
    got = c(*command)
    step = 1 + ("WITHSCORES" in command) + ("WITHATTRIBS" in command)
    assert sorted(got[::step]) == sorted(x.encode() for x in expected[::step])
    if "WITHSCORES" in command and quant != "bin":
        ours = {n: float(s) for n, s in zip(got[::step], got[1::step])}
        theirs = {n.encode(): float(s) for n, s in zip(expected[::step], expected[1::step])}
        assert ours == pytest.approx(theirs, abs=1e-6 if quant == "f32" else 0.01)


SETS = {
    "q8": [],
    "f32": ["NOQUANT"],
    "bin": ["BIN"],
    "m4": ["M", 4],
    "m64": ["M", 64],
    "reduce": [],
}


def fill(conn, kind, n=300):
    prefix = ["REDUCE", 7] if kind == "reduce" else []
    add(conn, "k", random_vectors(n, 20, seed=1), *SETS[kind], prefix=prefix, attributes=lambda i: '{"i":%d}' % i if i % 3 else "x")


def content(conn, n=300):
    """All that must survive a move, apart from the graph."""
    info = pairs(conn("VINFO", "k"))
    keep = ("quant-type", "hnsw-m", "vector-dim", "projection-input-dim", "size", "attributes-count", "hnsw-max-node-uid", "max-level")
    elements = []
    for i in range(n):
        kind, blob, *numbers = conn("VEMB", "k", name(i), "RAW")
        elements.append((kind, blob, floats(numbers), conn("VGETATTR", "k", name(i))))
    return {k: info[k] for k in keep}, elements


def links(conn, n=300):
    settle(conn)
    return [[sorted(level) for level in conn("VLINKS", "k", name(i))] for i in range(n)]


@pytest.mark.parametrize("kind", SETS)
def test_round_trip(c, kind):
    fill(c, kind)
    before, graph = content(c), links(c)
    dump = c("DUMP", "k")
    with error("BUSYKEY Target key name already exists."):
        c("RESTORE", "k", 0, dump)
    assert c("RESTORE", "k", 0, dump, "REPLACE") == "OK"
    assert content(c) == before
    assert links(c) == graph
    queries = random_vectors(20, 20, seed=2)
    found = [c("VSIM", "k", "FP32", fp32(q), "TRUTH", "WITHSCORES") for q in queries]
    c("RENAME", "k", "old")
    c("RESTORE", "k", 0, dump)
    assert [c("VSIM", "k", "FP32", fp32(q), "TRUTH", "WITHSCORES") for q in queries] == found


def same_answers(conn, other, kind, seed):
    """Both compare all vectors: the same best, with the same scores up to what their quantized queries change."""
    if kind == "bin":  # ours ranks and scores by more than the Hamming distance
        return
    for q in random_vectors(10, 20, seed):
        ours, theirs = (x("VSIM", "k", "FP32", fp32(q), "TRUTH", "WITHSCORES", "COUNT", 300) for x in (conn, other))
        ours, theirs = ({n: float(score) for n, score in zip(reply[::2], reply[1::2])} for reply in (ours, theirs))
        assert len(ours) == 300
        assert ours == pytest.approx(theirs, abs=1e-5 if kind == "f32" else 0.01)


def finds_each(conn, kind, n=300):
    """Each element is reached through the graph when it is asked for: alone, or where signs alone make many the same, among all."""
    count = n if kind == "bin" else 1
    # Wide enough for all: with few links a narrower search may miss some that are connected.
    replies = conn.pipeline(["VSIM", "k", "ELE", name(i), "COUNT", count, "EF", 1000] for i in range(n))
    return all(name(i) in reply for i, reply in enumerate(replies))


@pytest.mark.parametrize("kind", SETS)
def test_to_the_peer(c, peer, kind):
    """What we write, Redis 8 reads: it checks links on load and can go on with the set."""
    fill(c, kind)
    for i in range(300, 320):  # removals leave repaired lists
        c("VADD", "k", *(["REDUCE", 7] if kind == "reduce" else []), *values(*range(20)), f"x{i}", *SETS[kind])
        c("VREM", "k", f"x{i}")
    payload.move(peer, "k", c("DUMP", "k"))
    ours, theirs = content(c), content(peer)
    ours[0].pop("hnsw-max-node-uid"), theirs[0].pop("hnsw-max-node-uid")  # the ids of removed nodes are not saved
    assert theirs == ours
    assert links(peer) == links(c)
    same_answers(c, peer, kind, seed=7)
    assert finds_each(peer, kind)
    for q in random_vectors(10, 20, seed=3):
        assert len(peer("VSIM", "k", "FP32", fp32(q), "COUNT", 300, "EF", 1000)) == 300
    assert peer.pipeline(["VREM", "k", name(i)] for i in range(300)) == [1] * 300


@pytest.mark.parametrize("kind", SETS)
def test_from_the_peer(c, server, peer, kind):
    fill(peer, kind)
    payload.move(c, "k", peer("DUMP", "k"))
    assert content(c) == content(peer)
    if not server.peer:
        assert c("VCHECK", "k") == "OK"
    same_answers(c, peer, kind, seed=4)  # of a projected set, with a foreign matrix
    assert finds_each(c, kind)
    payload.move(peer, "back", c("DUMP", "k"))
    assert peer("VCARD", "back") == 300
    assert c.pipeline(["VREM", "k", name(i)] for i in range(300)) == [1] * 300


@pytest.mark.differs("memory of other objects in the payload")
def test_what_the_peer_cannot_hold_it_refuses(c, server, peer):
    """Another metric, or elements that expire: an error there, and the plain form again as soon as the times are gone."""
    if server.peer:
        return
    for key, options in [("l2", ["METRIC", "L2"]), ("ip", ["METRIC", "IP", "NOQUANT"]), ("timed", ["EX", 1000])]:
        add(c, key, random_vectors(30, 8, seed=3), *options)
        with error("ERR Bad data format"):
            payload.move(peer, key, c("DUMP", key))
        assert peer("EXISTS", key) == 0 and peer("PING") == "PONG"
        payload.move(c, "back", c("DUMP", key), "REPLACE")
        assert c("DEBUG", "DIGEST-VALUE", "back") == c("DEBUG", "DIGEST-VALUE", key)
    names = c("VRANGE", "timed", "-", "+")
    assert c("VPERSIST", "timed", "ELEMENTS", len(names), *names) == [1] * 30
    payload.move(peer, "timed", c("DUMP", "timed"))
    assert peer("VCARD", "timed") == 30
    payload.move(c, "again", peer("DUMP", "timed"))
    assert c("DEBUG", "DIGEST-VALUE", "again") == c("DEBUG", "DIGEST-VALUE", "timed")


@pytest.mark.parametrize("quant", ["NOQUANT", "BIN"])
def test_no_stray_memory(c, quant):
    add(c, "warm", random_vectors(500, 2, seed=5))
    c("DEL", "warm")
    add(c, "k", random_vectors(2, 2, seed=5), quant)
    dump = c("DUMP", "k")
    assert dump.count(b"\x02\x80") >= 2  # last word of a node: l2 alone fits in 32 bits


E1, E2 = struct.pack("<ff", 1, 0), struct.pack("<ff", 0, 1)


def pair(first=b"a", second=b"b", links=((2,), (1,)), ids=(1, 2), **options):
    return vectorset([node(first, E1, params(ids[0], links[0])), node(second, E2, params(ids[1], links[1]))], **options)


SOUND = {
    "pair": pair(),
    "format 0": vectorset([node(b"a", E1, params(1, [2], format=0)), node(b"b", E2, params(2, [1], format=0))]),
    "M 0": pair(m=0),
    "unlinked": pair(links=((), ())),
    "two levels": vectorset([node(b"a", E1, params(9, [8], [])), node(b"b", E2, params(8, [9]))]),
    "attributes": vectorset([node(b"a", E1, params(1, [2]), b"{}"), node(b"b", E2, params(2, [1]), b"")], flags=2),
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND)
def test_sound(c, body):
    assert c("RESTORE", "k", 0, stamped(body, payload.own_version(c))) == "OK"
    assert c("VCARD", "k") == 2
    assert pairs(c("VINFO", "k"))["hnsw-m"] == 16
    assert floats(c("VEMB", "k", "b")) == [0, 1]
    assert c("VREM", "k", "a") == c("VADD", "k", *values(1, 1), "c", "NOQUANT") == 1
    assert sorted(c("VSIM", "k", *values(1, 1), "TRUTH")) == [b"b", b"c"]


MALFORMED = {
    "dimension 0": pair(dim=0),
    "dimension 65537": pair(dim=65537),
    "quantization 3": pair(quant=3),
    "vector too short": vectorset([node(b"a", E1[:4], params(1, []))]),
    "vector too long": vectorset([node(b"a", E1 * 2, params(1, []))]),
    "more elements than data": pair(count=3),
    "absurd count": pair(count=2**40),
    "data after the end": pair(tail=uint(1)),
    "no params": vectorset([node(b"a", E1, [])]),
    "one param": vectorset([node(b"a", E1, [1])]),
    "node format 2": vectorset([node(b"a", E1, params(1, [], format=2))]),
    "more links than capacity": vectorset([node(b"a", E1, params(1, [2, 3], capacity=1))]),
    "links beyond the params": vectorset([node(b"a", E1, [1, 1 << 24, 5, 32, 1])]),
    "string for number": b"\x07" + payload.MODULE_ID + string(b"2") + b"\0",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed(c, body):
    with error(BAD):
        c("RESTORE", "k", 0, stamped(body, payload.own_version(c)))
    assert c("EXISTS", "k") == 0


STRICTER = {
    "matrix too wide": pair(flags=1, extra=uint(65537) + string(b"\0" * 12)),
    "matrix too short": pair(flags=1, extra=uint(4) + string(b"\0" * 12)),
    "level 16": vectorset([node(b"a", E1, params(1, *[[]] * 17))]),
    "empty": vectorset([]),
    "ids twice": pair(ids=(1, 1), links=((), ())),
    "names twice": pair(second=b"a"),
    "not finite": vectorset([node(b"a", E1, params(1, [], l2=float("nan")))]),
    "vector not finite": vectorset([node(b"a", struct.pack("<ff", float("inf"), 0), params(1, []))]),
}


@pytest.mark.differs("accepts these")
@pytest.mark.parametrize("body", STRICTER.values(), ids=STRICTER)
def test_refused_though_the_peer_accepts(c, body):
    with error(BAD):
        c("RESTORE", "k", 0, stamped(body, payload.own_version(c)))
    assert c("EXISTS", "k") == 0


def test_huge_params_count(c, server):
    if server.peer:
        pytest.xfail("takes all memory")
    body = vectorset([string(b"a") + string(E1) + uint(2**32 - 1)], count=1)
    with error(BAD):
        c("RESTORE", "k", 0, stamped(body, payload.own_version(c)))


BROKEN_LINKS = {
    "one way": pair(links=((2,), ())),
    "to itself": pair(links=((1,), ())),
    "twice": pair(links=((2, 2), (1, 1))),
    "to a missing node": pair(links=((2, 77), (1,))),
    "above the level of the other": vectorset([node(b"a", E1, params(1, [2], [2])), node(b"b", E2, params(2, [1]))]),
}


@pytest.mark.differs("refuses these")
@pytest.mark.parametrize("body", BROKEN_LINKS.values(), ids=BROKEN_LINKS)
def test_broken_links_are_rebuilt(c, body):
    """The vectors are sound, so nothing needs to be lost."""
    assert c("RESTORE", "k", 0, stamped(body, payload.own_version(c))) == "OK"
    assert c("VSIM", "k", *values(1, 0.1)) == [b"a", b"b"]
    assert c("VLINKS", "k", "a")[-1] == [b"b"]
    assert c("VLINKS", "k", "b")[-1] == [b"a"]


@pytest.mark.differs("refuses all of them")
@pytest.mark.parametrize("links", [lambda i, n: [(i + 1) % n], lambda i, n: []], ids=["one way", "none"])
def test_no_client_has_a_large_graph_rebuilt(c, links):
    """That would take as long as to add the elements, and all others would wait."""

    def restore(key, n):
        vectors = random_vectors(n, 2, seed=1)
        nodes = [node(b"e%d" % i, vector.tobytes(), params(i, links(i, n), format=0)) for i, vector in enumerate(vectors)]
        return c("RESTORE", key, 0, stamped(vectorset(nodes), payload.own_version(c)))

    assert restore("small", 300) == "OK"
    assert len(c("VSIM", "small", *values(1, 0), "COUNT", 300, "EF", 300)) == 300
    with error("ERR Bad data format"):
        restore("large", 1001)
    assert c("EXISTS", "large") == 0


def test_mutations(clean):
    """Random damage is refused or loads as a set that works; the server survives."""
    c = clean.connect()
    fill(c, "q8", 30)
    body = c("DUMP", "k")[:-10]
    version = payload.own_version(c)
    rng = random.Random(6)
    for round in range(200 if clean.peer else 1500):
        bad = bytearray(body)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(10, len(bad))
            what = rng.random()
            if what < 0.6:
                bad[at] = rng.randrange(256)
            elif what < 0.8:
                del bad[at : at + rng.randint(1, 8)]
            else:
                bad[at:at] = rng.randbytes(rng.randint(1, 8))
        try:
            c("RESTORE", "m", 0, stamped(bytes(bad), version), "REPLACE")
        except ReplyError:
            continue
        if clean.peer:  # it may crash on what it let in
            continue
        for e in c("VRANDMEMBER", "m", 100):
            c("VEMB", "m", e), c("VLINKS", "m", e)
        dim = c("VDIM", "m")
        if dim == 20:
            c("VSIM", "m", *values(*range(1, 21)), "COUNT", 100, "FILTER", ".i > 3")
        c("DUMP", "m")
        for e in c("VRANDMEMBER", "m", 100):
            c("VREM", "m", e)
        assert c("EXISTS", "m") == 0


@pytest.mark.differs("8.2 accepts some")
@pytest.mark.parametrize("kind", ["q8", "reduce"])
def test_truncations(c, kind):
    fill(c, kind, 3)
    body = c("DUMP", "k")[:-10]
    version = payload.own_version(c)
    accepted = 0
    for end in range(11, len(body)):
        try:
            c("RESTORE", "m", 0, stamped(body[:end], version))
        except ReplyError:
            continue
        # Servers before 8 read on into the footer, whose first bytes may happen to end the value.
        assert end >= len(body) - 10 and c("VCARD", "m") == 3
        c("DEL", "m")
        accepted += 1
    assert accepted <= 3
