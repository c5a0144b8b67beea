"""The command `vset`: what it says of wrong arguments, its servers, `bench` and `doctor`. `migrate` and `recall`: test_tools.py."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios

import pytest

from command_line import ENVIRONMENT, in_process, vset
from resp import Conn, ReplyError
from servers import MODULE, ROOT, Server, binary, eventually, free_port, info
from vectors import add, random_vectors, values


def url(server):
    return f"redis://127.0.0.1:{server.port}"


def refused(capsys, *arguments, code, says):
    """One line on stderr, no traceback."""
    _, told = in_process(capsys, *arguments, code=code)
    assert says in told and told.count("\n") == 1, told


@pytest.mark.parametrize(
    "arguments, code, says",
    [
        ([], 2, "vset: the following arguments are required: COMMAND"),
        (["dance"], 2, "invalid choice: 'dance'"),
        (["path", "x"], 2, "unknown argument x"),
        (["serve", "--port", "99999"], 2, "99999 is not between 1 and 65535"),
        (["serve", "--port", "x"], 2, "'x' is no whole number"),
        (["serve", "--module", "/none.so"], 1, "vset: there is no module /none.so"),
        (["serve", "--module", MODULE, "--server", "/bin/true"], 1, "/bin/true is no Redis 6.2 or 7"),
        (["serve", "--module", MODULE, "--conf", "/none.conf"], 1, "there is no configuration file /none.conf"),
        (["serve", "--module", MODULE, "--dir", "/none"], 1, "there is no folder /none"),
        (["recall", "localhost:99999", "k"], 2, "vset: 'localhost:99999' is no address of a server: Port out of range"),
        (["recall", "http://localhost", "k"], 2, "'http://localhost' is no address of a server"),
        (["recall", "redis://localhost/x", "k"], 2, "vset: 'x' is no number of a database"),
        (["recall", "redis://a..b", "k"], 2, "vset: 'redis://a..b' is no address of a server"),
        (["doctor", "redis://localhost?wrong=1"], 2, "vset: 'redis://localhost?wrong=1' is no address of a server"),
        (["exporter", "redis://localhost?socket_timeout=x", "--once"], 2, "is no address of a server"),
        (["exporter", "--port", "0"], 2, "0 is not between 1 and 65535"),
        (["recall", "redis://u:secret@127.0.0.1:1", "k"], 1, "vset: no server answers at 127.0.0.1:1/0: Connection refused"),
        (["recall", "unix:///none", "k"], 1, "no server answers at unix:///none: No such file"),
        (["recall", "localhost", "k", "--ef", "10,x"], 2, "'x' is no whole number"),
        (["migrate", "localhost:1"], 2, "the following arguments are required: target"),
        (["bench", "--elements", "-5"], 2, "-5 is not between 100 and"),
        (["bench", "--quantization", "Q4"], 2, "invalid choice: 'Q4'"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, code, says, capsys):
    refused(capsys, *arguments, code=code, says=says)


def test_version_and_help(capsys):
    assert re.fullmatch(r"vset \S+\n", vset("--version").stdout)
    told, _ = in_process(capsys, "--help")
    for command in ("serve", "path", "migrate", "recall", "bench", "doctor", "exporter"):
        assert f"\n    {command} " in told
        assert in_process(capsys, command, "--help")[0].startswith(f"usage: vset {command} ")


def test_mistakes_that_a_server_finds(clean, capsys):
    c = clean.connect()
    c("SET", "string", "x")
    add(c, "k", random_vectors(20, 4, seed=1))
    refused(capsys, "recall", url(clean), "nothing", code=1, says="vset: there is no vector set nothing")
    refused(capsys, "recall", url(clean), "string", code=1, says="vset: WRONGTYPE")
    refused(capsys, "recall", url(clean), "k", "--filter", "((", code=1, says="vset: syntax error in FILTER")
    refused(capsys, "migrate", url(clean), f"localhost:{clean.port}/0", code=2, says="source and target are the same database")
    assert "0 of 0" in in_process(capsys, "migrate", url(clean), f"localhost:{clean.port}/1", "--match", "none")[0]
    try:
        c("CONFIG", "SET", "requirepass", "secret")
        refused(capsys, "recall", url(clean), "k", code=1, says="Authentication required")
        refused(capsys, "recall", f"redis://:wrong@127.0.0.1:{clean.port}", "k", code=1, says="invalid username-password pair")
    finally:
        c("CONFIG", "SET", "requirepass", "")


@pytest.mark.parametrize("configured", [False, True])
def test_serve(server, tmp_path, configured, capsys):
    port = free_port()
    conf = tmp_path / "server.conf"
    conf.write_text(f"port {port}\nmaxclients 77\n")
    where = ["--conf", conf] if configured else ["--port", port]
    command = [sys.executable, "-m", "vset", "serve", "--module", MODULE, "--server", binary(server.kind), "--dir", tmp_path]
    command += [*where, "--save", "", "--maxmemory", "123mb"]
    with subprocess.Popen([str(x) for x in command], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            c = ready(port, process)
            assert c("VADD", "k", *values(1, 0), "a") == 1
            assert c("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"%d" % (123 << 20)]
            assert c("CONFIG", "GET", "dir")[1] == str(tmp_path).encode()
            assert not configured or c("CONFIG", "GET", "maxclients")[1] == b"77"
            c.close()
            refused(capsys, "serve", "--module", MODULE, "--port", port, code=1, says=f"port {port}: Address already in use; --port takes another")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
        assert b"vset " in process.stderr.readline()


def ready(port, process):
    """A connection, once the server answers."""
    made = []

    def answers():
        assert process.poll() is None
        try:
            made.append(Conn(port))
            return made[-1]("PING")
        except (OSError, ReplyError):
            return False

    eventually(answers)
    return made[-1]


def test_a_server_that_does_not_start_is_told(server, tmp_path):
    damaged = tmp_path / "libvset.so"
    damaged.write_text("no library")
    done = vset("bench", "--module", damaged, code=1, environment={**ENVIRONMENT, "PATH": str(servers_on_path(server, tmp_path))})
    assert done.stderr.startswith("vset: the server ended: ") and done.stderr.count("\n") == 1


def servers_on_path(server, folder):
    path = folder / "bin"
    path.mkdir()
    os.symlink(binary(server.kind), path / f"{'valkey' if server.valkey else 'redis'}-server")
    return path


def test_bench(clean, tmp_path, capsys):
    small = ["--elements", 1200, "--dim", 8, "--queries", 50, "--clients", 2, "--seed", 3]
    for told in (
        in_process(capsys, "bench", url(clean), *small)[0],
        vset("bench", "--module", MODULE, *small, environment={**ENVIRONMENT, "PATH": str(servers_on_path(clean, tmp_path))}).stdout,
    ):
        lines = dict(re.findall(r"^([a-z]+) +([\d,.]+) ", told, re.M))
        assert set(lines) == {"inserts", "latency", "queries", "recall", "memory"}, told
        assert "1,200 elements of 8 dimensions, Q8" in told and float(lines["recall"]) > 0.8
    assert clean.connect()("DBSIZE") == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_bars_are_for_terminals(clean, terminal):
    add(clean.connect(), "k", random_vectors(100, 4, seed=1))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "vset", "recall", url(clean), "k", "--queries", "20"]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=theirs if terminal else subprocess.PIPE, timeout=600)
    shown = os.read(ours, 100_000) if terminal else done.stderr
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0 and (b"measuring: " in shown and b"/20 " in shown) == terminal and (terminal or shown == b"")


def test_doctor(clean, capsys):
    c = clean.connect()
    eventually(lambda: info(c, "vectorset").get("vectorset_sets", "0") == "0")  # those of other tests are freed by threads
    add(c, "k", random_vectors(30, 4, seed=1))
    told, _ = in_process(capsys, "doctor", url(clean))
    assert f"{'Valkey' if clean.valkey else 'Redis'} {clean.full_version}" in told
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)
    assert re.search(rf"^vector sets: +vset {re.escape(version)}, kernel \w+, \d+ query threads$", told, re.M)
    assert re.search(r"^contents: +1 sets, 30 elements, \d+ to be linked$", told, re.M)
    assert not clean.modern or re.search(r"^vectorset.vsim-ef: +100$", told, re.M)
    warned = re.findall(r"^WARNING: (.*)$", told, re.M)
    assert any(warning.startswith("no maxmemory") for warning in warned)
    assert any("a restart loses everything" in warning for warning in warned)
    assert told.endswith(f"{len(warned)} warnings\n")
    try:
        for name, value in (("maxmemory", "1gb"), ("maxmemory-policy", "allkeys-lru"), ("save", "60 1")):
            c("CONFIG", "SET", name, value)
        warned = re.findall(r"^WARNING: (.*)$", in_process(capsys, "doctor", url(clean))[0], re.M)
        assert any("allkeys-lru removes whole sets" in warning for warning in warned)
        assert not any("no maxmemory" in warning or "restart loses" in warning for warning in warned)
    finally:
        for name, value in (("maxmemory", "0"), ("maxmemory-policy", "noeviction"), ("save", "")):
            c("CONFIG", "SET", name, value)


def test_doctor_of_other_servers():
    peer = Server("peer")
    try:
        assert re.search(r"^vector sets: +of Redis's own$", vset("doctor", url(peer)).stdout, re.M)
    finally:
        peer.remove()
    done = vset("doctor", "localhost:1", code=1)
    assert done.stderr == "vset: no server answers at localhost:1/0: Connection refused\n"
