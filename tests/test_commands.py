"""What the server knows of the commands: arity, flags, keys, categories, documentation."""

import pytest

from resp import ReplyError, error, pairs
from vectors import values

ARITY = dict(VADD=-5, VREM=3, VSIM=-4, VDIM=2, VCARD=2, VEMB=-3, VLINKS=-3, VINFO=2, VSETATTR=4, VGETATTR=3)
ARITY |= dict(VRANDMEMBER=-2, VISMEMBER=3, VRANGE=-4)
WRITES = {"VADD", "VREM", "VSETATTR"}
FAST = {"VDIM", "VCARD", "VEMB", "VLINKS", "VINFO", "VSETATTR", "VGETATTR"}


@pytest.fixture(params=ARITY)
def command(request, server):
    if server.peer and request.param == "VRANGE":
        pytest.xfail("8.2 has no VRANGE")
    return request.param


def describe(c, command):
    return c("COMMAND", "INFO", command)[0]


@pytest.mark.differs("8.2 declares no arity")
def test_info(c, command, server):
    name, arity, flags, first, last, step, *_ = describe(c, command)
    assert name.upper() == command.encode()
    if not (server.kind == "redis62"):  # whose modules cannot declare one: all say -1
        assert arity == ARITY[command]
    assert (first, last, step) == (1, 1, 1)
    assert ("write" in flags) == (command in WRITES)
    assert ("readonly" in flags) == (command not in WRITES)
    assert ("denyoom" in flags) == (command == "VADD") or command == "VSETATTR"
    if command in FAST:
        assert "fast" in flags
    if server.modern:
        assert "module" in flags


def test_getkeys(c, command):
    filler = [str(x) for x in range(abs(ARITY[command]) - 2)]
    assert c("COMMAND", "GETKEYS", command, "the-key", *filler) == [b"the-key"]


def test_arity_errors_name_the_command(c, command, server):
    for typed in (command, command.lower()):
        for arguments in ([], ["k"] * (abs(ARITY[command]) - 2)):
            with pytest.raises(ReplyError) as raised:
                c(typed, *arguments)
            shown = str(raised.value)
            if not server.modern:  # Redis 6.2 prints the name in lower case
                shown = shown.replace(command.lower(), command)
            assert shown == f"ERR wrong number of arguments for '{command}' command"


@pytest.mark.differs("all say read and write")
def test_key_specs(c, command, server):
    if server.version < (7, 0):
        assert len(describe(c, command)) == 7  # this server has none
        return
    (spec,) = describe(c, command)[8]
    spec = pairs(spec)
    flags = spec[b"flags"]
    assert ("RW" in flags) == (command in WRITES)
    assert ("RO" in flags) == (command not in WRITES)
    assert pairs(spec[b"begin_search"])[b"type"] == b"index"


@pytest.mark.differs("all commands say read and write")
def test_read_only_user(clean):
    if clean.version < (7, 0):
        return  # no selectors by kind of access
    admin = clean.connect()
    admin("VADD", "k", *values(1, 2), "e")
    admin("ACL", "SETUSER", "reader", "on", ">pw", "+@all", "%R~*")
    try:
        c = clean.connect()
        c("AUTH", "reader", "pw")
        for args in (["VSIM", "k", "ELE", "e"], ["VCARD", "k"], ["VEMB", "k", "e"], ["VINFO", "k"], ["VRANGE", "k", "-", "+"]):
            c(*args)
        for args in (["VADD", "k", *values(1, 2), "f"], ["VREM", "k", "e"], ["VSETATTR", "k", "e", "x"]):
            with error("NOPERM", prefix=True):
                c(*args)
    finally:
        admin("ACL", "DELUSER", "reader")


def as_user(clean, *rules):
    """A connection of a user with these rules."""
    admin = clean.connect()
    admin("ACL", "SETUSER", "someone", "reset", "on", ">pw", *rules)
    c = clean.connect()
    c("AUTH", "someone", "pw")
    return c


def may(c, *args):
    try:
        c(*args)
        return True
    except ReplyError as error:
        assert str(error).startswith("NOPERM")
        return False


@pytest.fixture
def no_users_left(clean):
    yield
    clean.connect()("ACL", "DELUSER", "someone")


def test_users_without_a_command(clean, no_users_left):
    c = as_user(clean, "+@all", "-vadd", "~*")
    assert not may(c, "VADD", "k", *values(1), "e")
    assert may(c, "VREM", "k", "e") and may(c, "VCARD", "k")


def test_users_of_some_keys(clean, no_users_left):
    c = as_user(clean, "+@all", "~mine:*")
    assert may(c, "VADD", "mine:k", *values(1), "e") and may(c, "VSIM", "mine:k", "ELE", "e")
    assert not may(c, "VADD", "k", *values(1), "e") and not may(c, "VSIM", "k", *values(1))


@pytest.mark.differs("all say read and write")
def test_users_that_read_here_and_write_there(clean, no_users_left):
    if clean.version < (7, 0):
        return  # no selectors by kind of access
    for rules in (["+@all", "%R~r", "%W~w"], ["-@all", "(+@all %R~r)", "(+vadd +vrem +vsetattr %W~w)"]):
        c = as_user(clean, *rules)
        writes = (["VADD", "{}", *values(1), "e"], ["VSETATTR", "{}", "e", "x"], ["VREM", "{}", "e"])
        reads = (["VSIM", "{}", *values(1)], ["VCARD", "{}"], ["VGETATTR", "{}", "e"], ["VINFO", "{}"])
        for allowed, other, commands in (("w", "r", writes), ("r", "w", reads)):
            for args in commands:
                assert may(c, *(allowed if x == "{}" else x for x in args)), args
                assert not may(c, *(other if x == "{}" else x for x in args)), args


@pytest.mark.differs("no categories")
def test_users_without_a_category(clean, no_users_left):
    if not clean.valkey:
        return  # modules cannot declare categories before Redis 7.2
    add, read = ["VADD", "k", *values(1), "e"], ["VCARD", "k"]
    for rule, may_add, may_read in (("-@write", False, True), ("-@read", True, False), ("-@vectorset", False, False)):
        c = as_user(clean, "+@all", rule, "~*")
        assert (may(c, *add), may(c, *read)) == (may_add, may_read), rule


@pytest.mark.differs("no categories")
def test_categories(clean):
    if not clean.valkey:
        return  # modules cannot declare categories before Redis 7.2
    admin = clean.connect()
    for command in ARITY:
        categories = describe(admin, command)[6]
        assert ("@write" in categories) == (command in WRITES), command
        assert ("@read" in categories) == (command not in WRITES), command
        assert ("@fast" in categories) != ("@slow" in categories), command
    admin("ACL", "SETUSER", "reader", "on", ">pw", "+@read", "~*")
    try:
        c = clean.connect()
        c("AUTH", "reader", "pw")
        assert c("VCARD", "k") == 0
        with error("NOPERM", prefix=True):
            c("VADD", "k", *values(1, 2), "f")
    finally:
        admin("ACL", "DELUSER", "reader")


@pytest.mark.differs("8.2 has none")
def test_docs(c, command, server):
    if server.version < (7, 0):
        return  # no COMMAND DOCS
    _, docs = c("COMMAND", "DOCS", command)
    docs = pairs(docs)
    assert docs[b"group"] == b"module"
    assert docs[b"module"] == b"vectorset"
    assert docs[b"summary"]
    assert docs[b"since"]
    assert pairs(docs[b"arguments"][0])[b"type"] == b"key"


def test_module_is_listed(c, server):
    (module,) = [m for m in map(pairs, c("MODULE", "LIST")) if m[b"name"] == b"vectorset"]
    assert module[b"ver"] >= 1
