"""Work on the main thread: nothing hangs, no client waits for another's work."""

import contextlib
import os
import pathlib
import select
import threading

import pytest

import servers
from resp import ReplyError, encode, error, pairs
from servers import eventually, info
from vectors import add, fp32, name, random_vectors


def go_away(c, how):
    """Makes the set in k another one, or removes it."""
    {
        "del": lambda: c("DEL", "k"),
        "unlink": lambda: c("UNLINK", "k"),
        "flushall": lambda: c("FLUSHALL"),
        "rename": lambda: c("RENAME", "k", "other"),
        "overwrite": lambda: c("SET", "k", "x"),
        "expire": lambda: c("PEXPIRE", "k", 1),
        "another": lambda: c("RENAME", "small", "k"),
    }[how]()


@pytest.mark.parametrize("how", ["del", "unlink", "flushall", "rename", "overwrite", "expire", "another"])
def test_a_removal_ends_with_its_key(clean, how):
    """While many removed elements wait for their repair, the set goes away: the reply comes, and the set's memory goes."""
    if clean.peer:
        pytest.xfail("has no VREMBYFILTER")
    c, other = clean.connect(), clean.connect()
    add(c, "small", random_vectors(3, 8, seed=2))
    add(c, "k", random_vectors(3000, 8, seed=1), "M", 128, "EF", 10, attributes=lambda i: '{"n":1}' if i else "")  # one stays
    eventually(lambda: pairs(c("VINFO", "k"))["pending"] == 0)
    other.send("VREMBYFILTER", "k", ".n == 1")
    eventually(lambda: c("VCARD", "k") < 1900)
    go_away(c, how)
    assert 0 <= other.read() <= 2999
    c("FLUSHALL")
    if clean.modern:
        eventually(lambda: info(c, "vectorset")["vectorset_elements"] == "0")


def test_the_debug_bit_of_redis_8_is_no_slot(start):
    """Redis 8 tells by the bit that means a moving slot to Valkey that DEBUG is allowed."""
    server = start("peer", arguments=("prefix", "X.", "type", "vset8test"))
    c = server.connect()
    with error("ERR VREPLAY is for loading append-only files and for moving slots", prefix=True):
        c("X.VREPLAY", "k", "ONLY", b"")


def niceness(pid):
    """Of each thread, by its name."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[(task / "comm").read_text().strip()] = os.getpriority(os.PRIO_PROCESS, int(task.name))
    return found


def test_linkers_stay_below_a_server_that_is_nice(server, start, monkeypatch):
    if server.peer:
        pytest.xfail("has no linkers")
    monkeypatch.setattr(servers, "WRAPPER", ["nice", "-n", "4"])
    process = start(server.kind).process
    eventually(lambda: "vset-linker" in niceness(process.pid))
    main = os.getpriority(os.PRIO_PROCESS, process.pid)
    eventually(lambda: niceness(process.pid)["vset-linker"] == min(19, main + 10))


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("options", [(), ("WITHSCORES",), ("WITHATTRIBS",), ("WITHSCORES", "WITHATTRIBS")])
def test_large_replies_are_those_of_the_main_thread(clean, protocol, options):
    """Replies of many hits are built in the pool: they look as those do that are built at once."""
    if clean.peer:
        pytest.xfail("has other names")
    c = clean.connect(protocol)
    vectors = random_vectors(3000, 8, seed=3)
    add(c, "k", vectors, attributes=lambda i: '{"i":%d}' % i if i % 3 else "")
    ask = ["VSIM", "k", "FP32", fp32(vectors[0]), "COUNT", 3000, "TRUTH", *options]
    behind = c(*ask)
    assert behind == c(*ask, "NOTHREAD")
    assert len(behind) == 3000 * (1 if protocol == 3 and server_has_maps(clean) else 1 + len(options))


@pytest.mark.parametrize("protocol", [2, 3])
def test_large_replies_of_documents_are_those_of_the_main_thread(clean, protocol):
    """A reply that the pool writes looks as the one that MULTI gets, in the protocol of the client."""
    if clean.peer:
        pytest.xfail("has no FT.SEARCH")
    c = clean.connect(protocol)
    c("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC", "SORTABLE")
    for at in range(100):
        c("HSET", b"d%d" % at, "n", at, "text", b"%d" % at * 1000)
    for ask in (
        ("FT.SEARCH", "i", "*", "SORTBY", "n", "LIMIT", 0, 100, "WITHSORTKEYS"),
        ("FT.AGGREGATE", "i", "*", "LOAD", 2, "@n", "@text", "SORTBY", 2, "@n", "ASC", "LIMIT", 0, 100),
    ):
        alone = c(*ask)
        c("MULTI")
        c(*ask)
        assert [alone] == c("EXEC")
        assert isinstance(alone, dict) == (protocol == 3 and clean.modern)


ENDS = ["stays", "changes", "del", "flushall", "overwrite", "another", "leaves"]


@pytest.mark.parametrize("protocol, how", [*((2, how) for how in ENDS), (3, "stays"), (3, "changes")])
def test_large_replies_end_whatever_happens(clean, protocol, how):
    """The pool reads and writes many hits, of one set or of several, while the sets change or go, or the client does."""
    if clean.peer:
        pytest.xfail("has no VMSIM")
    c, other = clean.connect(protocol), clean.connect()
    vectors = random_vectors(1200, 8, seed=8)
    add(other, "k", vectors, "EF", 10, attributes=lambda i: '{"i":%d}' % i)
    add(other, "small", vectors[:3])
    options = ("COUNT", 3000, "TRUTH", "WITHATTRIBS")
    times = 3
    for _ in range(times):
        c.send("VSIM", "k", "FP32", fp32(vectors[0]), *options)
        c.send("VMSIM", 2, "k", "small", "FP32", fp32(vectors[0]), *options)
    if how == "changes":
        for i in range(1, 1200, 4):
            other.pipeline([("VADD", "k", "FP32", fp32(-vectors[i]), name(i), "EF", 10), ("VREM", "k", name(i + 1)), ("VSETATTR", "k", name(i + 2), "{}")])
    elif how == "leaves":
        c.socket.close()
        c.file.close()
    elif how != "stays":
        go_away(other, how)
    if how != "leaves":
        for _ in range(times):
            found, keyed = c.parse(), c.parse()
            if how == "overwrite" and isinstance(keyed, ReplyError):
                continue
            if protocol == 2 or not clean.modern:
                found = dict(zip(found[::2], found[1::2], strict=True))
            assert len({(key, element) for key, element, _ in keyed}) == len(keyed)
            mine = {element: text for key, element, text in keyed if key == b"k" and text is not None}
            for hits in [found, mine] if how != "another" else []:
                assert all(text in (b'{"i":%d}' % int(element[1:]), b"{}") for element, text in hits.items())
                assert how not in ("stays", "changes") or all(name(i) in hits for i in range(0, 1200, 4))
            assert how != "stays" or (len(found), len(keyed)) == (1200, 1203)
    assert other("PING") == "PONG"
    assert how in ("del", "overwrite", "another", "flushall") or other("VCHECK", "k") == "OK"
    other("FLUSHALL")
    if clean.modern:
        eventually(lambda: info(other, "vectorset")["vectorset_elements"] == "0")


def server_has_maps(server):
    return server.modern


def test_wait_knows_of_a_removal(replicated, server):
    """WAIT behind VREMBYFILTER waits for its removals; on Redis 6.2 once another command was in between."""
    if server.peer:
        pytest.xfail("has no VREMBYFILTER")
    primary, replica = replicated()
    c, r = primary.connect(), replica.connect()
    add(c, "k", random_vectors(3000, 8, seed=4), attributes=lambda i: '{"n":%d}' % i)
    assert c("WAIT", 1, 0) == 1
    assert c("VREMBYFILTER", "k", ".n >= 1000") == 2000
    if not server.modern:
        c("PING")
    assert c("WAIT", 1, 0) == 1
    assert r("VCARD", "k") == 1000


def attempts():
    """For what has to happen while a command runs: on a busy machine this process may be late, and tries again."""
    yield from range(50)
    raise AssertionError("it never came in time")


@pytest.mark.parametrize("how", ["stays", "goes"])
def test_repeats_are_drawn_in_slices(clean, how):
    """Other clients are served while a million names are drawn; the reply ends with the set."""
    if clean.peer:
        pytest.xfail("draws them at once")
    c, other = clean.connect(), clean.connect()
    for _ in attempts():
        c("DEL", "k")
        add(c, "k", random_vectors(300, 4, seed=5))
        other.send("VRANDMEMBER", "k", -1_000_000)
        served = 0
        while not select.select([other.socket], [], [], 0)[0]:
            served += c("PING") == "PONG"
            if how == "goes" and served == 3:
                c("DEL", "k")
        names = other.read()
        assert set(names) <= {name(i) for i in range(300)}
        assert how == "goes" or len(names) == 1_000_000
        if served and (how == "stays" or len(names) < 1_000_000):
            return


def test_many_different_elements_are_drawn_in_the_pool(clean):
    if clean.peer:
        pytest.xfail("has other names")
    c, other = clean.connect(), clean.connect()
    add(c, "k", random_vectors(6000, 4, seed=7), "M", 4, "EF", 4)
    everyone = {name(i) for i in range(6000)}
    for count in (5500, 5999, 6000, 9000):
        drawn = c("VRANDMEMBER", "k", count)
        assert len(drawn) == len(set(drawn)) == min(count, 6000)
        assert set(drawn) <= everyone
    c.send("VRANDMEMBER", "k", 6000)
    other("DEL", "k")
    assert set(c.read()) <= everyone


@pytest.mark.parametrize("how", ["stays", "changes", "goes", "another"])
def test_sets_are_verified_in_slices(clean, how):
    """Other clients are served while VCHECK looks at every link, and may change the set, or put another in its place."""
    if clean.peer:
        pytest.xfail("has no VCHECK")
    c, other = clean.connect(), clean.connect()
    vectors = random_vectors(6000, 8, seed=6)
    add(c, "whole", vectors, "EF", 20, attributes=lambda i: "{}" if i % 3 else "")
    for _ in attempts():
        c("COPY", "whole", "k", "REPLACE")
        add(c, "small", vectors[:3])
        other.send("VCHECK", "k")
        served = 0
        while not select.select([other.socket], [], [], 0)[0]:
            served += 1
            if how == "changes":
                i = served % 6000
                assert c("VREM", "k", name(i)) + c("VADD", "k", "FP32", fp32(-vectors[i]), name(i)) == 2
            elif how in ("goes", "another") and served == 1:
                c("DEL", "k") if how == "goes" else c("RENAME", "small", "k")
            else:
                assert c("PING") == "PONG"
        told = other.read()
        assert told == "OK" or how == "goes" and told is None
        c("DEL", "small")
        if served and told == (None if how == "goes" else "OK"):
            break
    assert c("EVAL", "return redis.call('VCHECK', KEYS[1])", 1, "k") == (None if how == "goes" else "OK")


def test_replies_wait_before_the_ring_is_full(clean):
    """However many bytes may be pending: elements that linkers have no place for would be linked by the main thread."""
    if clean.peer or not clean.modern:
        pytest.xfail("has no such setting")
    c = clean.connect()
    c("CONFIG", "SET", "vectorset.pending-bytes", 1 << 30)
    try:
        writers = [clean.connect() for _ in range(3)]
        vectors, before = random_vectors(2500, 4, seed=6), int(info(c, "vectorset")["vectorset_delayed_replies"])
        for w, conn in enumerate(writers):
            batch = [["VADD", "k", "FP32", fp32(v), b"%d:%d" % (w, i), "M", 64] for i, v in enumerate(vectors)]
            conn.socket.sendall(b"".join(encode(x) for x in batch))
        most = 0
        while (fields := pairs(c("VINFO", "k") or [])).get("size", 0) < 7500:
            most = max(most, fields.get("pending", 0))
        for conn in writers:
            assert [conn.parse() for _ in range(2500)] == [1] * 2500
        assert most <= 4096 + len(writers)
        assert most < 4000 or int(info(c, "vectorset")["vectorset_delayed_replies"]) > before
    finally:
        c("CONFIG", "SET", "vectorset.pending-bytes", 512 << 10)


def test_what_removed_elements_leave_is_freed_without_a_write(clean):
    """A script's VREMBYFILTER removes all at once; nothing is written after it."""
    if clean.peer:
        pytest.xfail("has no VREMBYFILTER")
    c = clean.connect()
    text = '{"n":1,"text":"%s"}' % ("x" * 4000)
    add(c, "k", random_vectors(3000, 8, seed=1), attributes=lambda i: text if i else '{"n":0}')
    eventually(lambda: pairs(c("VINFO", "k"))["pending"] == 0)
    used = int(info(c, "memory")["used_memory"])
    assert c("EVAL", "return redis.call('VREMBYFILTER', 'k', '.n == 1')", 0) == 2999
    eventually(lambda: int(info(c, "memory")["used_memory"]) < used - 2999 * 4000)
    assert c("VCARD", "k") == 1
