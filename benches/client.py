"""A client with little overhead: requests are encoded beforehand, replies are counted by their line ends.

Names in replies must not contain line ends. Concurrent clients run in separate processes.
"""

import itertools
import multiprocessing
import select
import signal
import socket
import time

FORK = multiprocessing.get_context("fork")


def connect(port):
    made = socket.create_connection(("127.0.0.1", port), timeout=300)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def complete(reply):
    """Whether this is one whole reply."""
    if reply[:1] == b"-":
        raise RuntimeError(reply.decode(errors="replace"))
    lines = reply.count(b"\r\n")
    if reply[:1] == b"*" and lines:
        if b"\r\n*" in reply:
            return scanned(reply)
        return lines > 2 * int(reply[1 : reply.index(b"\r\n")]) - reply.count(b"\r\n:")
    return lines == (2 if reply[:1] == b"$" and reply[:2] != b"$-" else 1)


def scanned(reply):
    """The same of nested arrays, item by item."""
    at, due = 0, 1
    while due:
        end = reply.find(b"\r\n", at)
        if end < 0:
            return False
        kind, due = reply[at : at + 1], due - 1
        at, count = end + 2, int(reply[at + 1 : end]) if kind in b"$*" else 0
        if kind == b"$" and count >= 0:
            at += count + 2
        elif kind == b"*":
            due += max(0, count)
    return at <= len(reply)


def ask(connection, request):
    connection.sendall(request)
    reply = connection.recv(65536)
    while not complete(reply):
        reply += connection.recv(65536)
    return reply


def names(reply):
    return reply.split(b"\r\n")[2::2]


def timed(port, requests):
    """One request after the other: the replies, and the times of each in seconds."""
    replies, times = [], []
    with connect(port) as connection:
        ask(connection, b"PING\r\n")
        for request in requests:
            start = time.perf_counter()
            replies.append(ask(connection, request))
            times.append(time.perf_counter() - start)
    return replies, times


def pipelined(port, batches, tick):
    """Sends batches of (count, bytes) with up to two on their way; every reply is a line."""
    with connect(port) as connection:
        due = 0
        for count, data in itertools.chain(batches, [(0, b"")]):
            connection.sendall(data)
            while due > 0:
                lines = connection.recv(65536)
                if b"-" in lines:
                    raise RuntimeError(lines.decode(errors="replace"))
                due -= lines.count(b"\n")
            due += count
            if count:
                tick(count)


class Probe:
    """Sends the same requests in turn, at least this interval apart, from a separate process, until `end`."""

    def __init__(self, port, requests, interval):
        self.stop = FORK.Event()
        self.here, there = FORK.Pipe()
        self.process = FORK.Process(target=self.run, args=(port, requests, interval, there), daemon=True)
        self.process.start()
        self.here.recv()

    def run(self, port, requests, interval, pipe):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        times = []
        with connect(port) as connection:
            ask(connection, requests[0])
            pipe.send("ready")
            while not self.stop.is_set():
                start = time.perf_counter()
                ask(connection, requests[len(times) % len(requests)])
                times.append(time.perf_counter() - start)
                time.sleep(max(0, start + interval - time.perf_counter()))
        pipe.send(times)

    def end(self):
        self.stop.set()
        times = self.here.recv()
        self.process.join()
        return times


class Clients:
    """Several connections, each with one request in flight, all in one separate process."""

    def __init__(self, port, requests, clients, seconds):
        self.here, there = FORK.Pipe()
        self.process = FORK.Process(target=self.run, args=(port, requests, clients, seconds, there), daemon=True)
        self.process.start()

    def run(self, port, requests, clients, seconds, pipe):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        poll = select.epoll()
        connections = {}
        for _ in range(clients):
            connection = connect(port)
            connections[connection.fileno()] = connection
            poll.register(connection.fileno(), select.EPOLLIN)
        partial = dict.fromkeys(connections, b"")
        started, times = {}, []
        busy = time.process_time()
        start = now = time.perf_counter()
        for sent, (number, connection) in enumerate(connections.items(), 1):
            started[number] = time.perf_counter()
            connection.sendall(requests[sent % len(requests)])
        while now < start + seconds:
            for number, _ in poll.poll(1):
                reply = partial[number] + connections[number].recv(65536)
                if complete(reply):
                    now = time.perf_counter()
                    times.append(now - started[number])
                    started[number] = now
                    sent += 1
                    connections[number].sendall(requests[sent % len(requests)])
                    reply = b""
                partial[number] = reply
            now = time.perf_counter()
        pipe.send((times, now - start, time.process_time() - busy))

    def result(self):
        """The times of all replies, how long this took, and processor time of this client, in seconds."""
        result = self.here.recv()
        self.process.join()
        return result
