"""Reload, RDB files and the append-only file: nothing that was acknowledged is lost."""

import contextlib
import resource
import shutil

import pytest

from resp import ReplyError, error, floats, pairs
from servers import background_save, eventually, info, rewrite_aof, settle
from vectors import add, fp32, name, random_vectors, values

AOF = [("appendonly", "yes")]


def fill(conn):
    """Sets of all kinds, with attributes, updates and removals."""
    vectors = random_vectors(200, 10, seed=1)
    for key, *options in (["q8"], ["f32", "NOQUANT"], ["bin", "BIN", "M", 6]):
        add(conn, key, vectors, *options, attributes=lambda i: '{"i":%d}' % i if i % 2 else "x")
        for i in range(0, 50, 5):
            conn("VREM", key, name(i))
            conn("VSETATTR", key, name(i + 1), "")
            conn("VSETATTR", key, name(i + 2), "changed")
    add(conn, "reduce", vectors, prefix=["REDUCE", 4])


def content(conn):
    """Everything but the graph."""
    out = {}
    for key in ("q8", "f32", "bin", "reduce"):
        fields = pairs(conn("VINFO", key))
        for volatile in ("vset-uid", "max-level", "hnsw-max-node-uid", "pending"):
            fields.pop(volatile, None)
        names = sorted(conn("VRANDMEMBER", key, 1000))
        elements = [(n, conn("VEMB", key, n, "RAW"), conn("VGETATTR", key, n)) for n in names]
        out[key] = fields, elements
    return out


def searches(conn):
    queries = random_vectors(20, 10, seed=2)
    return [floats(conn("VSIM", k, "FP32", fp32(q), "WITHSCORES", "TRUTH")[1::2]) for k in ("q8", "f32", "reduce") for q in queries]


def check(conn, before):
    assert content(conn) == before[0]
    for now, then in zip(searches(conn), before[1]):
        assert now == pytest.approx(then, abs=1e-6)
    assert len(conn("VSIM", "q8", *values(*range(1, 11)), "COUNT", 190, "EF", 1000)) == 190
    assert conn("VADD", "q8", *values(*range(10)), "one more") == 1  # the loaded graph can grow
    conn("VREM", "q8", "one more")


@pytest.fixture
def filled(c):
    fill(c)
    return c, (content(c), searches(c))


def test_debug_reload(filled):
    c, before = filled
    settle(c, "q8")
    graph = [[sorted(level) for level in c("VLINKS", "q8", name(i))] for i in range(51, 200)]
    for _ in range(2):
        c("DEBUG", "RELOAD")
        assert [[sorted(level) for level in c("VLINKS", "q8", name(i))] for i in range(51, 200)] == graph
        check(c, before)
        graph = [[sorted(level) for level in c("VLINKS", "q8", name(i))] for i in range(51, 200)]


@pytest.mark.parametrize("save", [lambda c: c("SAVE"), background_save], ids=["SAVE", "BGSAVE"])
def test_rdb_and_restart(launch, save):
    s = launch()
    c = s.connect()
    fill(c)
    before = content(c), searches(c)
    save(c)
    s.restart(kill=True)
    check(s.connect(), before)


def test_shutdown_saves(launch):
    s = launch()
    c = s.connect()
    c("CONFIG", "SET", "save", "3600 1")  # at run time, since Redis 6.2 does not take it from the command line
    fill(c)
    before = content(c), searches(c)
    s.restart()
    check(s.connect(), before)


def test_save_straight_after_adding(launch):
    """Elements that are still being linked belong to the saved set."""
    s = launch()
    c = s.connect()
    vectors = random_vectors(3000, 32, seed=3)
    for save in (background_save, lambda c: c("SAVE")):
        c("DEL", "k")
        add(c, "k", vectors)
        save(c)
        s.restart(kill=True)
        c = s.connect()
        assert c("VCARD", "k") == 3000
        assert all(c("VLINKS", "k", name(i))[-1] for i in range(0, 3000, 17))
        found = sum(c("VSIM", "k", "FP32", fp32(v), "COUNT", 1) == [name(i)] for i, v in enumerate(vectors[:200]))
        assert found >= 195


@pytest.mark.differs("updates are not logged")
def test_aof_has_updates(launch):
    s = launch(*AOF)
    c = s.connect()
    c("VADD", "k", *values(1, 0), "e")
    c("VADD", "k", *values(0, 1), "e", "SETATTR", '{"v":2}')
    c("VADD", "k", *values(1, 1), "f", "CAS", "EF", 10, "SETATTR", "x")
    c("VADD", "k", *values(0, 1), "f", "CAS")
    c("VADD", "k", *values(0, 1), "g")
    c("VSETATTR", "k", "g", "y")
    c("VREM", "k", "f")
    s.restart(kill=True)
    c = s.connect()
    assert floats(c("VEMB", "k", "e")) == [0, 1]
    assert [c("VGETATTR", "k", n) for n in "efg"] == [b'{"v":2}', None, b"y"]
    assert c("VCARD", "k") == 2


@pytest.mark.differs("updates are not logged; it may not start again")
def test_aof_restart(launch):
    s = launch(*AOF)
    c = s.connect()
    fill(c)
    for i in range(100, 120):
        c("VADD", "q8", *values(*range(i, i + 10)), name(i), "CAS")
        c("VADD", "q8", *values(*range(i, i + 10)), f"new{i}", "CAS")
    before = content(c)
    s.restart(kill=True)
    assert content(s.connect()) == before


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_aof_rewrite(launch, server, preamble):
    if server.peer and preamble == "no":
        pytest.xfail("no rewrite as commands")
    s = launch(*AOF, ("aof-use-rdb-preamble", preamble))
    c = s.connect()
    fill(c)
    before = content(c), searches(c)
    rewrite_aof(c)
    assert c("VADD", "after", *values(1, 2), "e", "SETATTR", "x") == 1
    s.restart(kill=True)
    c = s.connect()
    check(c, before)
    assert c("VGETATTR", "after", "e") == b"x"
    assert pairs(c("VINFO", "after"))["size"] == 1


def aof(*commands):
    from resp import encode

    return b"".join(encode(a) for a in commands)


def with_aof(launch, server, data):
    """A server that starts on this append-only file."""
    s = launch(*AOF)
    s.kill()
    if server.version >= (7, 0) or server.valkey:  # a folder with a manifest
        folder = s.folder / "appendonlydir"
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "appendonly.aof.1.incr.aof").write_bytes(data)
        (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    else:
        (s.folder / "appendonly.aof").write_bytes(data)
    s.start()
    return s.connect()


@pytest.mark.differs("does not start again")
def test_aof_with_cas(launch, server):
    """As Redis 8 logs it: CAS must not block while loading."""
    adds = [["VADD", "k", *values(1, i), name(i), "CAS", "EF", 100] for i in range(200)]
    c = with_aof(launch, server, aof(["SELECT", 0], *adds, ["MULTI"], ["VADD", "k", *values(1, 1), "m", "CAS"], ["EXEC"]))
    assert c("VCARD", "k") == 201
    c("VADD", "k", *values(1, 500), "later", "CAS")
    c("DEBUG", "LOADAOF")
    assert c("VCARD", "k") == 202


@pytest.mark.differs("knows no VREPLAY")
def test_a_set_that_ends_early_leaves_nothing(launch, server):
    """A file ends within a set that comes in pieces, as where a server died that was taking a slot over."""
    begun = ["VREPLAY", "big", "FIRST", b"x" * (8 << 20)]
    c = with_aof(launch, server, aof(["SELECT", 0], ["SET", "other", "y"], begun, ["VREPLAY", "big", "MORE", b"x" * (8 << 20)]))
    assert c("KEYS", "*") == [b"other"]
    assert int(info(c, "memory")["used_memory"]) < 8 << 20
    assert c("VADD", "big", "FP32", fp32([1, 2]), "e") == 1
    assert c("VCARD", "big") == 1


@pytest.mark.differs("an empty attribute is one")
def test_aof_with_empty_attributes(launch, server):
    c = with_aof(launch, server, aof(["SELECT", 0], ["VADD", "k", *values(1, 2), "e", "SETATTR", ""]))
    assert c("VGETATTR", "k", "e") is None


def test_dirty_counter(c):
    """What changes nothing is not written to the AOF or saved."""

    def dirty(*args):
        before = int(info(c, "persistence")["rdb_changes_since_last_save"])
        c.pipeline([args])
        return int(info(c, "persistence")["rdb_changes_since_last_save"]) - before

    assert dirty("VADD", "k", *values(1, 2), "e") == 1
    assert dirty("VADD", "k", *values(1), "f") == 0
    assert dirty("VADD", "k", *values(1, 2), "f", "BIN") == 0
    assert dirty("VREM", "k", "none") == 0
    assert dirty("VREM", "none", "e") == 0
    assert dirty("VSETATTR", "k", "none", "x") == 0
    assert dirty("VSETATTR", "k", "e", "x") == 1
    assert dirty("VSIM", "k", "ELE", "e") == 0
    assert dirty("VREM", "k", "e") == 1


@contextlib.contextmanager
def full_disk(server, size):
    """No file of the server can grow beyond this size: writes fail as on a full disk."""
    unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
    yield
    if server.alive():
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)


def background_save_fails(conn):
    with pytest.raises(AssertionError):
        background_save(conn)


def save_fails(conn):
    with error("ERR", prefix=True):
        conn("SAVE")


def rewrite_fails(conn):
    with pytest.raises(AssertionError):
        rewrite_aof(conn)


@pytest.mark.parametrize(
    "fails, save",
    [(save_fails, lambda c: c("SAVE")), (background_save_fails, background_save), (rewrite_fails, rewrite_aof)],
    ids=["SAVE", "BGSAVE", "BGREWRITEAOF"],
)
def test_full_disk_at_save(launch, fails, save):
    """A save that fails leaves the data and the last file; the next one, with room, is whole."""
    s = launch(*(AOF if save is rewrite_aof else []))
    c = s.connect()
    add(c, "k", random_vectors(500, 32, seed=6))
    save(c)
    digest = c("DEBUG", "DIGEST-VALUE", "k")
    with full_disk(s, 16 << 10):
        fails(c)
        assert c("DEBUG", "DIGEST-VALUE", "k") == digest
    s.restart(kill=True)
    c = s.connect()
    assert c("DEBUG", "DIGEST-VALUE", "k") == digest
    with full_disk(s, 16 << 10):
        fails(c)
    add(c, "k", random_vectors(100, 32, seed=7), first=500)
    digest = c("DEBUG", "DIGEST-VALUE", "k")
    save(c)
    s.restart(kill=True)
    c = s.connect()
    assert c("DEBUG", "DIGEST-VALUE", "k") == digest
    assert c("VCHECK", "k") == "OK"


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_full_disk_under_the_append_only_file(launch, fsync):
    """With `always` the server ends rather than acknowledge; with `everysec` it refuses writes until there is room."""
    s = launch(("appendonly", "yes"), ("appendfsync", fsync))
    c = s.connect()
    vectors = random_vectors(2000, 32, seed=8)
    acknowledged = 0
    with full_disk(s, 64 << 10):
        try:
            for i, v in enumerate(vectors):
                c("VADD", "k", "FP32", fp32(v), name(i))
                acknowledged += 1
                if fsync == "everysec" and i == 799:  # more than there is room for
                    eventually(lambda: info(c, "persistence")["aof_last_write_status"] == "err")
            assert False, "the disk is not full"
        except ReplyError as e:
            assert fsync == "everysec" and str(e).startswith("MISCONF Errors writing to the AOF file")
            assert c("VCARD", "k") == acknowledged
            assert name(0) in c("VSIM", "k", "FP32", fp32(vectors[0]))
        except OSError:
            assert fsync == "always" and s.process.wait(120) == 1
    if fsync == "everysec":
        eventually(lambda: info(c, "persistence")["aof_last_write_status"] == "ok")
        assert c("VADD", "k", "FP32", fp32(vectors[acknowledged]), "with room") == 1
        acknowledged += 1
        eventually(lambda: info(c, "persistence")["aof_buffer_length"] == "0")
    s.restart(kill=True)
    c = s.connect()
    # What was not acknowledged may have reached the file, but no more than the one command.
    assert c("VCARD", "k") - acknowledged in (0, 1)
    assert all(c.pipeline(["VISMEMBER", "k", name(i)] for i in range(acknowledged - 1)))
    assert c("VCHECK", "k") == "OK"
