"""In a server that has vector sets already: the module declines, or stands beside them under other names."""

import shutil

import pytest

from resp import error, pairs
from servers import MODULE, Server, in_sync, rewrite_aof, selected
from vectors import add, fp32, name, random_vectors, values

LOAD_FAILED = "ERR Error loading the extension."
BESIDE = ("prefix", "X.", "type", "vset8test")
AT_RUN_TIME = ("enable-module-command", "yes")
DECLINED = "vset was not loaded: the server has a module vectorset already, as Redis 8 does"


def refusal(kind, *arguments):
    """What the log says of a start that fails."""
    with pytest.raises(RuntimeError) as caught:
        Server(kind, arguments=arguments).remove()
    text = str(caught.value)
    assert "server aborting" in text and "ended with 1:" in text, text
    lines = [line for line in text.splitlines() if "vset was not loaded" in line]
    assert len(lines) == 1, text
    return lines[0]


def test_the_start_ends_with_a_reason():
    assert DECLINED in refusal("peer", "threads", "1")


def test_a_load_at_run_time_is_refused_and_harmless(start):
    server = start("peer", AT_RUN_TIME)
    c = server.connect()
    vectors = random_vectors(300, 16, seed=1)
    add(c, "k", vectors)
    for arguments in [(), ("prefix", "X."), ("type", "vset8test"), ("type", "short"), ("threads",)]:
        for _ in range(2):
            with error(LOAD_FAILED, prefix=True):
                c("MODULE", "LOAD", MODULE, *arguments)
    assert server.log().count(DECLINED) == 4
    assert server.log().count("vset was not loaded: the server has a command VADD already") == 2
    assert c("VADD", "k", "FP32", fp32(vectors[0]), "more") == 1
    assert c("VCARD", "k") == 301
    c("DEBUG", "RELOAD")
    assert name(7) in c("VSIM", "k", "ELE", name(7))
    assert c("MODULE", "LOAD", MODULE, *BESIDE) == "OK"  # what failed before left nothing behind
    assert c("X.VADD", "x", *values(1, 0), "a") == 1


def test_side_by_side(start):
    server = start("peer", ("appendonly", "yes"), ("aof-use-rdb-preamble", "no"), arguments=BESIDE)
    c = server.connect()
    vectors = random_vectors(300, 16, seed=2)
    add(c, "theirs", vectors)
    commands = [("X.VADD", "ours", "FP32", fp32(v), name(i), "SETATTR", '{"i":%d}' % i) for i, v in enumerate(vectors)]
    assert c.pipeline(commands) == [1] * 300
    assert (c("TYPE", "theirs"), c("TYPE", "ours")) == ("vectorset", "vset8test")
    for command, key in [("VCARD", "ours"), ("X.VCARD", "theirs")]:
        with error("WRONGTYPE", prefix=True):
            c(command, key)
    assert c("X.VSIM", "ours", "ELE", name(3), "COUNT", 1, "TRUTH") == c("VSIM", "theirs", "ELE", name(3), "COUNT", 1, "TRUTH")
    assert c("X.VRANGE", "ours", "-", "+", 1) == [name(0)]
    assert {name.upper() for name in pairs(c("COMMAND", "DOCS", "X.VADD", "VADD"))} == {b"X.VADD", b"VADD"}
    digest = c("DEBUG", "DIGEST-VALUE", "ours", "theirs")
    assert pairs(c("CONFIG", "GET", "vset8test.threads")) == {b"vset8test.threads": b"0"}

    c("DEBUG", "RELOAD")
    assert c("DEBUG", "DIGEST-VALUE", "ours", "theirs") == digest
    c("X.VREM", "ours", name(0))
    c("X.VADD", "ours", "FP32", fp32(vectors[0]), name(0), "SETATTR", '{"i":0}')
    digest = c("DEBUG", "DIGEST-VALUE", "ours", "theirs")
    c("DEL", "theirs")  # Redis's own type cannot be written as commands
    rewrite_aof(c)
    c("X.VADD", "late", *values(1, 2), "a")
    server.restart()
    c = server.connect()
    assert c("DEBUG", "DIGEST-VALUE", "ours") == digest[:1]
    assert c("X.VCARD", "late") == 1


def test_replicas_hold_both(start):
    master, replica = (start("peer", arguments=BESIDE) for _ in range(2))
    c = master.connect()
    c("VADD", "theirs", *values(1, 0), "a")
    c("X.VADD", "ours", *values(1, 0), "a")
    replica.replicate(master)
    c("X.VADD", "ours", *values(0, 1), "a", "SETATTR", "{}")
    c("X.VADD", "ours", *values(0, 1), "b", "CAS")
    in_sync(master, replica)
    r = replica.connect()
    assert r("DEBUG", "DIGEST-VALUE", "ours", "theirs") == c("DEBUG", "DIGEST-VALUE", "ours", "theirs")


@pytest.mark.parametrize("kind", [*selected(), "peer"])
@pytest.mark.parametrize(
    "arguments, reason",
    [
        (("type", "short"), "type \"short\" is not nine letters, digits, '-' or '_'"),
        (("type", "ten-bytes!"), "type \"ten-bytes!\" is not nine"),
        (("prefix", "a b"), "prefix \"a b\" is not letters, digits, '.', ':', '-' or '_'"),
        (("prefix", "a|", "type", "vset8test"), "prefix \"a|\" is not letters"),
        (("prefix", "é"), "is not letters"),
        (("prefix",), "argument prefix has no value"),
        (("suffix", "x"), "unknown argument suffix"),
    ],
)
def test_bad_names_are_refused(kind, arguments, reason):
    assert reason in refusal(kind, *arguments)


def test_a_file_loads_once_and_a_copy_beside_it(server, launch):
    """A second load of one file would share the statics of the first."""
    server = launch(*([AT_RUN_TIME] if server.modern else []))
    c = server.connect()
    c("VADD", "k", *values(1, 0), "a")
    with error(LOAD_FAILED, prefix=True):
        c("MODULE", "LOAD", MODULE, *BESIDE, "threads", "7")
    assert "this file is loaded already" in server.log()
    if server.modern:
        assert pairs(c("CONFIG", "GET", "vectorset.threads")) == {b"vectorset.threads": b"0"}
    assert c("VADD", "k", *values(0, 1), "b") == 1

    copy = server.folder / "copy.so"
    shutil.copy(MODULE, copy)
    assert c("MODULE", "LOAD", copy, *BESIDE) == "OK"
    assert c("X.VADD", "x", *values(1, 0), "a") == 1
    with error("WRONGTYPE", prefix=True):
        c("X.VCARD", "k")
    c("DEBUG", "RELOAD")
    assert (c("VCARD", "k"), c("X.VCARD", "x")) == (2, 1)
