"""CONFIG GET/SET vectorset.*, which servers offer to modules from 7.0 on, and arguments of loadmodule."""

import pathlib
import re

import pytest

from resp import ReplyError, pairs
from servers import MODULE, ROOT, Server, eventually, in_sync, settle
from vectors import add, fp32, name, random_vectors, values

SINGLE = "vectorset.force-single-threaded-execution"
FLAGS = {SINGLE, "vectorset.ft-new-error-texts", "vectorset.kora-metric", "vectorset.search-partial"}
SAMPLE = (ROOT / "redis.conf.sample").read_text()
# Name: default, as the sample has it. With them stand bounds of numbers, as the page of settings has them.
DEFAULTS = dict(re.findall(r"^# (vectorset\.\S+) (\S+)$", SAMPLE, re.M))
PAGE = (ROOT / "docs/operations/settings.md").read_text()
BOUNDS = dict(re.findall(r"^\| `(vectorset\.\S+)` \| \S+ \| (\d+ to \d+) \|", PAGE, re.M))


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
    assert {n.decode(): v.decode() for n, v in found.items()} == DEFAULTS


def test_documented():
    """Each setting is in the sample with its default and bounds, and in the page's table."""
    assert set(BOUNDS) == set(DEFAULTS) - FLAGS
    for setting, bounds in BOUNDS.items():
        text = SAMPLE[: SAMPLE.index(f"# {setting} ")].rsplit("\n\n", 1)[1]
        assert f", {bounds}" in text.replace("\n# ", " "), setting
    table = re.findall(r"^\| `(vectorset\.\S+)` \| (\S+) \|", PAGE, re.M)
    assert dict(table) == DEFAULTS


@pytest.mark.parametrize("setting", [n for n in BOUNDS if n != "vectorset.linker-threads"])
def test_bounds(settings, server, setting):
    if not server.modern:
        return  # see test_bad_arguments
    least, most = map(int, BOUNDS[setting].split(" to "))
    for value in (least, most if setting != "vectorset.threads" else 3):
        assert settings("CONFIG", "SET", setting, value) == "OK"
        assert pairs(settings("CONFIG", "GET", setting)) == {setting.encode(): b"%d" % value}
    for value in (least - 1, most + 1):
        with pytest.raises(ReplyError, match=f"argument must be between {least} and {most} inclusive"):
            settings("CONFIG", "SET", setting, value)


def refusal(kind, *arguments):
    """What the log says of a start with bad arguments."""
    with pytest.raises(RuntimeError) as caught:
        Server(kind, arguments=arguments).remove()
    return str(caught.value)


def test_bad_arguments(server):
    if server.peer:
        pytest.xfail("takes none")
    for setting, bounds in BOUNDS.items():
        least, most = map(int, bounds.split(" to "))
        argument = setting.removeprefix("vectorset.")
        for value in (least - 1, most + 1, "many"):
            assert f"vset was not loaded: {argument} is {least}..={most}, not {value}" in refusal(server.kind, argument, value)
    assert "force-single-threaded-execution is yes or no, not maybe" in refusal(server.kind, SINGLE.split(".")[1], "maybe")


def test_shown_as(server):
    """Clients that look into MODULE LIST find the modules in which they expect FT.* and JSON.*."""
    if server.peer:
        pytest.xfail("has other modules")
    s = Server(server.kind, arguments=[word for name in ("search", "ReJSON") for word in ("--loadmodule", MODULE, "as", name)])
    c = s.connect()
    shown = {m[b"name"]: m[b"ver"] for m in map(pairs, c("MODULE", "LIST"))}
    assert shown.keys() >= {b"vectorset", b"search", b"ReJSON"} and shown[b"search"] == shown[b"ReJSON"] == 20800
    sections = [line for line in c("INFO", "everything").decode().splitlines() if line.startswith("# ")]
    assert any(line.startswith("# search") for line in sections) and not any(line.startswith("# ReJSON") for line in sections)
    assert c("JSON.SET", "k", "$", "[1]") == "OK"
    s.remove()
    with pytest.raises(RuntimeError, match="nothing is shown as json"):
        Server(server.kind, arguments=["--loadmodule", MODULE, "as", "json"])


def test_fixed(settings, server):
    if server.modern:
        with pytest.raises(ReplyError, match="immutable"):
            settings("CONFIG", "SET", "vectorset.linker-threads", 3)


def test_rewritten(tmp_path, server):
    """CONFIG REWRITE keeps what was set at run time."""
    if server.peer or not server.modern:
        return  # Redis 6.2 has no settings of modules
    file = tmp_path / "server.conf"
    file.write_text("")
    s = Server(server.kind, file=file)
    try:
        c = s.connect()
        c("CONFIG", "SET", "vectorset.vsim-ef", 77)
        c("CONFIG", "SET", SINGLE, "yes")
        assert c("CONFIG", "REWRITE") == "OK"
        kept = [line for line in file.read_text().splitlines() if line.startswith("vectorset.")]
        assert sorted(kept) == [SINGLE + " yes", "vectorset.vsim-ef 77"]
    finally:
        s.remove()


@pytest.fixture
def configured(server):
    """Starts a server with these settings: in its configuration where it has settings of modules, else as arguments."""
    started = []

    def start(settings, *config):
        if server.peer:
            pytest.xfail("has other names")
        if server.modern:
            s = Server(server.kind, *((f"vectorset.{n}", v) for n, v in settings.items()), *config)
        else:
            s = Server(server.kind, *config, arguments=[x for pair in settings.items() for x in pair])
        started.append(s)
        return s

    yield start
    for s in started:
        s.remove()


def evaluated(c, *query):
    return pairs(c("VEXPLAIN", "k", *query))["evaluated"]


def test_width_of_searches(configured):
    c = configured({"vsim-ef": 10}).connect()
    vectors = random_vectors(5000, 32, seed=4)
    add(c, "k", vectors, "EF", 50)
    settle(c)
    query = ["FP32", fp32(vectors[0])]
    assert evaluated(c, *query) == evaluated(c, *query, "EF", 10)
    assert evaluated(c, *query) * 2 < evaluated(c, *query, "EF", 100)
    assert len(c("VSIM", "k", *query, "COUNT", 50)) == 50


def test_effort_of_filters(configured):
    c = configured({"vsim-filter-ef": 20}).connect()
    vectors = random_vectors(3000, 16, seed=5)
    add(c, "k", vectors, "EF", 50, attributes=lambda i: '{"rare":%d}' % (i % 100 == 0))
    settle(c)  # elements that wait for their links are compared in any case
    query = ["VSIM", "k", "FP32", fp32(vectors[1]), "FILTER", ".rare == 1"]
    assert len(c(*query)) < 10
    assert len(c(*query, "FILTER-EF", 1_000_000)) == 10
    assert len(c("VSIM", "k", "FP32", fp32(vectors[1]))) == 10


def test_width_of_insertions(configured):
    """It is sent on, and is not taken for what was sent on without it."""
    master = configured({"vadd-ef": 33}, ("appendonly", "yes"), ("aof-use-rdb-preamble", "no"))
    c = master.connect()
    c("VADD", "k", *values(1, 0), "by-default")
    c("VADD", "k", *values(1, 1), "by-client", "EF", 200)
    c("VADD", "k", *values(1, 2), "by-client-too", "EF", 44)
    chain = configured({"vadd-ef": 55}, ("appendonly", "yes"), ("aof-use-rdb-preamble", "no"))
    chain.replicate(master)
    for i in range(3):
        c("VADD", "k", *values(2, i), name(i), *[["EF", 200], [], ["EF", 44]][i])
    in_sync(master, chain)

    def widths(server):
        files = [f for f in server.folder.rglob("appendonly*") if f.is_file()]
        log = b"".join(f.read_bytes() for f in sorted(files))
        return re.findall(rb"\r\n(by-\S+|e\d)\r\n(?:\$2\r\nEF\r\n\$\d+\r\n(\d+))?", log)

    # A server writes its log a moment after its replies.
    expected = [(b"by-default", b"33"), (b"by-client", b""), (b"by-client-too", b"44"), (b"e0", b""), (b"e1", b"33"), (b"e2", b"44")]
    eventually(lambda: widths(master) == expected)
    # The replica's file is rewritten after the first synchronisation.
    eventually(lambda: widths(chain)[-3:] == [(b"e0", b""), (b"e1", b"33"), (b"e2", b"44")])


def test_same_answers_in_a_single_thread(settings, server):
    c = settings
    vectors = random_vectors(1500, 32, seed=1)
    add(c, "k", vectors)
    settle(c)
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
