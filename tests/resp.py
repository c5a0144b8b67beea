"""A minimal RESP client, so that tests see the reply as it is on the wire (redis-py converts it)."""

import contextlib
import socket

import pytest


class ReplyError(Exception):
    """An error reply. Nested in an array (EXEC) it is a value; as the whole reply it is raised."""

    def __eq__(self, other):
        return isinstance(other, ReplyError) and str(self) == str(other)


class Push(list):
    """Out-of-band data of RESP3."""


class Conn:
    """One connection. Bulk strings become bytes, simple strings str, doubles float, maps dict."""

    def __init__(self, port, protocol=2, timeout=300):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.protocol = protocol
        self.head = b""  # first line of the last reply: tells *-1 from $-1
        if protocol != 2:
            self("HELLO", protocol)

    def __call__(self, *args):
        self.send(*args)
        return self.read()

    def pipeline(self, commands):
        """All replies in order, errors as values. Sends in slices so that neither side's buffer fills up."""
        replies = []
        commands = list(commands)
        for at in range(0, len(commands), 500):
            part = commands[at : at + 500]
            self.socket.sendall(b"".join(encode(c) for c in part))
            replies += [self.parse() for _ in part]
        return replies

    def send(self, *args):
        self.socket.sendall(encode(args))

    def read(self):
        reply = self.parse(top=True)
        while isinstance(reply, Push):
            reply = self.parse(top=True)
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def parse(self, top=False):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("server closed the connection")
        line = line[:-2]
        if top:
            self.head = line
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode(errors="replace"))
        if kind in b":(":
            return int(rest)
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"_":
            return None
        n = int(rest)
        if kind in b"$=":
            if n < 0:
                return None
            data = self.file.read(n + 2)[:-2]
            return data if kind == b"$" else data[4:]
        if kind in b"*~>":
            if n < 0:
                return None
            items = [self.parse() for _ in range(n)]
            return Push(items) if kind == b">" else items
        if kind == b"%":
            return {key(self.parse()): self.parse() for _ in range(n)}
        raise AssertionError(f"unknown reply type {line!r}")

    def close(self):
        self.file.close()
        self.socket.close()


def key(value):
    return tuple(value) if isinstance(value, list) else value


def encode(args):
    out = [b"*%d\r\n" % len(args)]
    for a in args:
        if not isinstance(a, bytes):
            a = str(a).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(a), a))
    return b"".join(out)


@contextlib.contextmanager
def error(text, prefix=False):
    """The block must end in exactly this error reply (or one that starts so)."""
    with pytest.raises(ReplyError) as caught:
        yield caught
    got = str(caught.value)
    assert got.startswith(text) if prefix else got == text


def pairs(reply):
    """A map reply, or the flat array that stands for it in RESP2, as a dict."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))


def scores(reply):
    return {name: float(score) for name, score in pairs(reply).items()}


def floats(reply):
    return [float(x) for x in reply]
