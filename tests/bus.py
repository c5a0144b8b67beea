"""A hostile node on the cluster bus: frames with messages for the module, in the name of another node."""

import socket
import struct

NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# What comes before a module's message: the header of the bus's protocol, version 1.
HEADER = struct.Struct("!4sIHHHHQQQ40s2048s40s46sH30sHHHB3s")
MODULE_MESSAGE = 9


def module_number(name):
    """The number of a module's name of nine characters, behind which is a version of ten bits."""
    number = 0
    for character in name:
        number = number << 6 | NAMES.index(character)
    return number << 10


def frame(sender, message, module="vectorset"):
    # The module's number is in the order of bytes of the machine.
    body = struct.pack("<Q", module_number(module)) + struct.pack("!IB", len(message), 1) + message
    total = HEADER.size + len(body)
    header = HEADER.pack(b"RCmb", total, 1, 0, MODULE_MESSAGE, 0, 0, 0, 0, sender.encode(), b"", b"", b"", 0, b"", 0, 0, 1, 0, b"")
    return header + body


class Stranger:
    """A connection to a node's bus on which frames come in the name of another."""

    def __init__(self, server, sender):
        self.address, self.sender = ("127.0.0.1", server.bus_port), sender
        self.socket = socket.create_connection(self.address, timeout=120)

    def send(self, message):
        try:
            self.socket.sendall(frame(self.sender, message))
        except OSError:  # the node that it stands for has connected again, and this connection was closed
            self.socket.close()
            self.socket = socket.create_connection(self.address, timeout=120)

    def close(self):
        self.socket.close()


def some_bytes(value):
    return struct.pack("<I", len(value)) + value


def some_list(items):
    return struct.pack("<I", len(items)) + b"".join(items)


def random_reply(rng, depth=4):
    kind = rng.choice(b"_~?:(,$-*&%" if depth else b"_~?:(,$-")
    head = bytes([kind])
    if kind in b"_~":
        return head
    if kind in b"?":
        return head + bytes([rng.randrange(2)])
    if kind in b":(,":
        return head + struct.pack("<Q", rng.choice([0, 1, 2**63, 2**64 - 1, rng.getrandbits(64)]))
    if kind in b"$-":
        return head + some_bytes(rng.randbytes(rng.randrange(9)))
    each = 2 if kind in b"%" else 1
    return head + some_list([b"".join(random_reply(rng, depth - 1) for _ in range(each)) for _ in range(rng.randrange(4))])


def random_message(rng, words):
    """A message that might be one of the module's. `words` are commands' arguments."""
    number = struct.pack("<Q", rng.getrandbits(64))
    kind = rng.randrange(1, 6)
    head = bytes([kind])
    if kind == 1:
        ask = bytes([rng.randrange(7), rng.randrange(2)]) + struct.pack("<Q", rng.choice([0, 1, 50, 2**64 - 1]))
        return head + number + ask + some_list([some_bytes(word) for word in rng.choice(words)])
    if kind == 2:
        slots = some_list([struct.pack("<HH", *sorted(rng.randrange(16384) for _ in range(2))) for _ in range(rng.randrange(3))])
        flags = bytes([rng.randrange(2), rng.randrange(2)])
        outcome = rng.choice([b"\0" + random_reply(rng), b"\1", b"\2" + some_bytes(b"ERR no")])
        return head + number + slots + flags + outcome
    if kind == 4:
        content = some_list([some_list([some_bytes(rng.randbytes(5)) for _ in range(rng.randrange(4))]) for _ in range(rng.randrange(3))])
        name = some_bytes(b"junk%d" % rng.randrange(9))
        version = struct.pack("<Q", rng.choice([1, 2**64 - 1, rng.getrandbits(40)]))
        definition = bytes([rng.randrange(3)]) + name + version + bytes([rng.randrange(2), 1]) + content
        return head + number + bytes([rng.randrange(2)]) + some_list([definition] * rng.randrange(3))
    return head + number


def damaged(rng, message):
    """Cut, lengthened, with other bytes, or as it was."""
    message = bytearray(message)
    match rng.randrange(5):
        case 0:
            del message[rng.randrange(len(message) + 1) :]
        case 1:
            message += rng.randbytes(rng.randrange(9))
    for _ in range(rng.randrange(4) if message else 0):
        message[rng.randrange(len(message))] = rng.choice([0, 1, 0x7F, 0xFF, rng.randrange(256)])
    return bytes(message)


def piece(rng, message):
    """In most cases all of a message; else a piece of another version, of a longer one, or one that says nothing true."""
    version, transfer, length = 1, rng.getrandbits(64), len(message)
    match rng.randrange(12):
        case 0:
            version = rng.randrange(256)
        case 1:
            length, transfer = rng.choice([0, length + 1, 70_000, 2**26, 2**32 - 1]), rng.randrange(3)
    return struct.pack("<BQI", version, transfer, length) + message

