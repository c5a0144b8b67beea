"""What the server does beside its clients: nothing hangs, nobody waits for another's work."""

import contextlib
import os
import pathlib
import threading

import pytest

import servers
from resp import ReplyError, error, pairs
from servers import Server, eventually, info
from vectors import add, fp32, name, random_vectors, values


@pytest.fixture
def start():
    """start(kind, *config, arguments=()): servers of any kind, removed at the end."""
    started = []

    def start(*args, **kw):
        started.append(Server(*args, **kw))
        return started[-1]

    yield start
    for server in started:
        server.remove()


def go_away(c, how):
    """Makes the set in k another one's, or nobody's."""
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
    c, other = clean.connect(), clean.connect(timeout=20)
    add(c, "small", random_vectors(3, 8, seed=2))
    add(c, "k", random_vectors(3000, 8, seed=1), "M", 128, "EF", 10, attributes=lambda i: '{"n":1}')
    eventually(lambda: pairs(c("VINFO", "k"))["pending"] == 0)
    other.send("VREMBYFILTER", "k", ".n == 1")
    eventually(lambda: c("VCARD", "k") < 1900)
    go_away(c, how)
    assert 0 <= other.read() <= 3000
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


def server_has_maps(server):
    return server.modern


def test_wait_knows_of_a_removal(launch, server):
    """WAIT behind VREMBYFILTER waits for its removals; on Redis 6.2 once another command was in between."""
    if server.peer:
        pytest.xfail("has no VREMBYFILTER")
    primary, replica = launch(), launch()
    replica.replicate(primary)
    c, r = primary.connect(), replica.connect()
    add(c, "k", random_vectors(3000, 8, seed=4), attributes=lambda i: '{"n":%d}' % i)
    assert c("WAIT", 1, 0) == 1
    assert c("VREMBYFILTER", "k", ".n >= 1000") == 2000
    if not server.modern:
        c("PING")
    assert c("WAIT", 1, 0) == 1
    assert r("VCARD", "k") == 1000
