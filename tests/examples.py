"""Examples in Markdown pages: the commands in them, their replies as redis-cli shows them, and blocks of code.

An example is an indented block whose commands start with "> ", each with its reply below:

    > VCARD things
    (integer) 3
"""

import dataclasses
import re

from resp import ReplyError

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}


@dataclasses.dataclass
class Step:
    command: str
    reply: str


def steps(text):
    """The commands of a page and what it shows as their replies. A command goes on in lines that start with "... "."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", text.rstrip("\n") + "\n", re.M):
        lines = [line[4:] for line in block.split("\n")]
        if not lines[0].startswith("> "):
            continue
        for line in lines:
            if line.startswith("> "):
                found.append(Step(line[2:], ""))
            elif line.startswith("... ") and not found[-1].reply:
                found[-1].command += " " + line[4:]
            else:
                found[-1].reply += line + "\n"
    for step in found:
        step.reply = step.reply.strip("\n")
    return found


def code(text, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def words(command):
    """The arguments of a line as redis-cli reads it: escapes in double quotes, none but \\' in single ones."""
    found, at = [], 0
    while at < len(command):
        if command[at] == " ":
            at += 1
            continue
        word, quote = b"", command[at] if command[at] in "'\"" else None
        at += bool(quote)
        while at < len(command) and command[at] != (quote or " "):
            taken, length = character(command, at, quote)
            word, at = word + taken, at + length
        assert not quote or at < len(command), f"no end of quotes: {command}"
        at += bool(quote)
        assert at == len(command) or command[at] == " ", f"no space after quotes: {command}"
        found.append(word)
    return found


def character(command, at, quote):
    """One byte, or the bytes of one character, and how many characters of the line spell it."""
    rest = command[at:]
    if quote == '"' and rest[0] == "\\":
        if re.match(r"\\x[0-9a-fA-F]{2}", rest):
            return bytes([int(rest[2:4], 16)]), 4
        return ESCAPES.get(rest[1], rest[1]).encode(), 2
    if quote == "'" and rest.startswith("\\'"):
        return b"'", 2
    return rest[0].encode(), 1


def quoted(data):
    names = {ord("\\"): "\\\\", ord('"'): '\\"', **{ord(value): "\\" + name for name, value in ESCAPES.items()}}
    return '"' + "".join(names.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data) + '"'


def shown(reply):
    """A RESP2 reply as redis-cli prints it on a terminal."""
    if reply is None:
        return "(nil)"
    if isinstance(reply, int):
        return f"(integer) {reply}"
    if isinstance(reply, ReplyError):
        return f"(error) {reply}"
    if isinstance(reply, str):
        return reply
    if isinstance(reply, bytes):
        return quoted(reply)
    if not reply:
        return "(empty array)"
    width = len(str(len(reply)))
    lines = []
    for i, item in enumerate(reply, 1):
        first, *rest = shown(item).split("\n")
        lines += [f"{i:{width}}) {first}", *(" " * (width + 2) + line for line in rest)]
    return "\n".join(lines)
