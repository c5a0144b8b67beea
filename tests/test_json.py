"""JSON.*: recorded replies, clients, persistence, replication, damaged payloads, random commands beside a twin."""

import json
import pathlib
import random
import struct

import pytest
import redis
import redis.asyncio

from payload import length, own_version, stamped, string, uint
from resp import ReplyError
from seeds import new_seed
from servers import ROOT, Server, background_save, eventually, in_sync, info, rewrite_aof

CASES = json.loads((pathlib.Path(__file__).parent / "data/json-cases.json").read_text())["cases"]
TYPE_ID = 0x45E25238DF912C00


def enc(reply):
    """A reply as the recorded ones are written."""
    if isinstance(reply, ReplyError):
        return {"error": str(reply)}
    if isinstance(reply, bytes):
        return reply.decode()
    if isinstance(reply, float) and reply.is_integer():
        return {"double": reply}
    if isinstance(reply, list):
        return [enc(item) for item in reply]
    if isinstance(reply, dict):
        return {"map": [[enc(k), enc(v)] for k, v in reply.items()]}
    if isinstance(reply, int) and not isinstance(reply, bool) and reply > 2**63 - 1:
        return {"big": str(reply)}
    return reply


def ask(conn, command):
    try:
        return conn(*command)
    except ReplyError as e:
        return e


def agrees(wanted, got):
    if isinstance(wanted, dict) and "error" in wanted:
        return isinstance(got, ReplyError) and wanted["error"] in str(got)
    return wanted == enc(got)


def document(conn):
    return ask(conn, ["JSON.GET", "k", "."])


@pytest.mark.parametrize("protocol", [2, 3])
def test_recorded_replies(clean, protocol):
    conn, plain = clean.connect(protocol), clean.connect()
    resp3 = protocol == 3 and clean.modern  # 6.2 does not tell modules the protocol
    wrong = []
    for case in CASES:
        plain("FLUSHALL")
        if case["doc"] is not None:
            plain("JSON.SET", "k", "$", case["doc"])
        for command in case.get("setup", ()):
            plain(*command)
        before = document(plain)
        got = ask(conn, case["command"])
        wanted = case.get("resp3", case["resp2"]) if resp3 else case["resp2"]
        if not agrees(wanted, got):
            wrong.append((case["command"], case["note"], wanted, got))
        after = document(plain)
        if "after" in case:
            same = enc(after) == case["after"]
        else:
            same = after == before
        if not same:
            wrong.append((case["command"], case["note"], "document", after))
        for command, reply in case.get("check", ()):
            if not agrees(reply, ask(plain, command)):
                wrong.append((command, "check"))
    assert not wrong, f"{len(wrong)} differ: {wrong[:5]}"


def test_events_and_replication(launch):
    master = launch(("notify-keyspace-events", "KEA"))
    replica = launch()
    replica.replicate(master)
    conn, listener = master.connect(), master.connect()
    listener("PSUBSCRIBE", "__keyspace@0__:*")
    before = int(info(conn, "replication")["master_repl_offset"])

    def events(*command):
        ask(conn, command)
        conn("PUBLISH", "__keyspace@0__:end", "end")
        found = []
        while (message := listener.parse())[3] != b"end":
            found.append(message[3].decode())
        return found

    assert events("JSON.SET", "k", "$", '{"a":1,"b":[1],"s":"x","t":true}') == ["json.set"]
    assert events("JSON.NUMINCRBY", "k", "$.a", "1") == ["json.numincrby"]
    assert events("JSON.ARRPOP", "k", "$.b") == ["json.arrpop"]
    assert events("JSON.ARRPOP", "k", "$.b") == []
    assert events("JSON.TOGGLE", "k", "$.t") == ["json.toggle"]
    assert events("JSON.STRAPPEND", "k", "$.s", '"y"') == ["json.strappend"]
    assert events("JSON.MSET", "k", "$.c", "1", "m", "$", "2") == ["json.mset", "json.mset"]
    for idle in (["SET", "k", "$.c", "1", "NX"], ["DEL", "k", "$.zz"], ["CLEAR", "k", "$.s"], ["GET", "k"], ["SET", "k", "$.q.r", "1"]):
        assert events("JSON." + idle[0], *idle[1:]) == []
    assert events("JSON.FORGET", "k", "$.a") == ["json.del"]
    assert events("JSON.DEL", "k") == ["json.del", "del"]
    in_sync(master, replica)
    assert int(info(conn, "replication")["master_repl_offset"]) > before
    there = replica.connect()
    assert there("EXISTS", "k") == 0 and there("JSON.GET", "m") == b"2"


def test_watch_sees_only_changes(clean):
    one, other = clean.connect(), clean.connect()
    one("JSON.SET", "k", "$", '{"a":1}')
    for command, runs in ((["JSON.SET", "k", "$.x.y", "1"], True), (["JSON.SET", "k", "$.a", "2"], False)):
        one("WATCH", "k")
        other(*command)
        one("MULTI")
        one("PING")
        assert (one("EXEC") is not None) == runs


DOCUMENT = '{"n":null,"t":[true,false],"i":-5,"u":18446744073709551615,"d":2.0,"e":1e300,"v":[0.5,0.25],"w":[1,2,3],"s":"é\\u0000\\"","o":{"x":{},"y":[]}}'


def everything(conn):
    return {key: conn("JSON.GET", key) for key in sorted(conn("KEYS", "*"))}


def fill(conn):
    conn("JSON.SET", "doc", "$", DOCUMENT)
    conn("JSON.SET", "large", "$", json.dumps({f"member {i}": {"list": [i, str(i) * 9, i / 7]} for i in range(2000)}))
    for key, text in (("a", "1"), ("b", '"x"'), ("c", "[]"), ("d", "null")):
        conn("JSON.SET", key, "$", text)
    conn("EXPIRE", "c", 1000)
    conn("JSON.ARRAPPEND", "c", "$", "1")
    assert conn("TTL", "c") > 900


@pytest.mark.parametrize("how", ["rdb", "aof", "rewritten", "kill"])
def test_persistence(launch, how):
    config = [("appendonly", "yes")] if how != "rdb" else []
    if how == "rewritten":
        config.append(("aof-use-rdb-preamble", "no"))
    server = launch(*config)
    conn = server.connect()
    fill(conn)
    before, digest = everything(conn), conn("DEBUG", "DIGEST")
    if how == "rdb":
        background_save(conn)
    elif how == "rewritten":
        rewrite_aof(conn)
    server.restart(kill=True)
    conn = server.connect()
    assert everything(conn) == before and conn("DEBUG", "DIGEST") == digest
    assert conn("TTL", "c") > 900


def test_keyspace_commands(c):
    fill(c)
    assert c("TYPE", "doc") == "ReJSON-RL"
    assert c("COPY", "doc", "copy") == 1 and c("JSON.GET", "copy") == c("JSON.GET", "doc")
    c("JSON.SET", "copy", "$.o.x.z", "1")
    assert c("JSON.GET", "doc", "$.o.x") == b"[{}]"
    assert c("MEMORY", "USAGE", "large") > 2000 * 50
    dump = c("DUMP", "doc")
    c("RESTORE", "again", 0, dump)
    assert c("JSON.GET", "again") == c("JSON.GET", "doc")
    c("JSON.SET", "p", "$", '{"a":1,"b":[2]}')
    c("JSON.SET", "q", "$", '{"b":[2],"a":1}')
    digests = {c("DEBUG", "DIGEST-VALUE", key)[0] for key in ("p", "q")}
    assert len(digests) == 1
    c("UNLINK", "large", "doc")
    c("SET", "again", "x")
    assert c("TYPE", "again") == "string"


def payload(conn, body, version=3):
    head = b"\x07\x81" + struct.pack(">Q", TYPE_ID + version)
    return stamped(head + body + b"\x00", own_version(conn))


def restore(conn, body, version=3):
    try:
        return conn("RESTORE", "k", 0, payload(conn, body, version), "REPLACE")
    except ReplyError as e:
        return e


def double(x):
    return b"\x04" + struct.pack("<d", x)


def test_saved_forms(c):
    c("JSON.SET", "k", "$", '[1,"x"]')
    assert payload(c, string(b'[1,"x"]')) == c("DUMP", "k")
    assert restore(c, string(b' {"a" : [1.50]} ')) == "OK" and c("JSON.GET", "k") == b'{"a":[1.5]}'
    deep = b"[" * 1000 + b"]" * 1000
    assert restore(c, string(deep)) == "OK" and c("JSON.GET", "k") == deep
    assert isinstance(ask(c, ["JSON.SET", "k", "$" + "[0]" * 200, "[]"]), ReplyError)
    c("COPY", "k", "l")
    assert c("JSON.DEL", "k") == 1
    tree = uint(0x20) + uint(2) + uint(0x80) + string(b"a") + uint(0x40) + uint(3) + uint(1) + uint(0x10) + string(b"1") + uint(4) + double(0.5)
    tree += uint(0x80) + string(b"b") + uint(2) + string(b"x")
    assert restore(c, tree, 0) == "OK" and c("JSON.GET", "k") == b'{"a":[null,true,0.5],"b":"x"}'
    assert restore(c, string(b"[1]") + uint(0), 2) == "OK" and c("JSON.GET", "k") == b"[1]"
    assert restore(c, string(b"[1]") + uint(1) + string(b"") + string(b"x"), 2) == "OK"


def test_damaged_payloads(c):
    c("JSON.SET", "keep", "$", "1")
    bad = [string(t) for t in (b"", b"{", b"[1,]", b"\xff", b"nul", b"[" * 1025 + b"]" * 1025, b"[" * 1_000_000, b"1e999")]
    bad += [b"", uint(5), string(b"1") + string(b"2"), b"\x05" + length(1 << 40)]
    assert all(isinstance(restore(c, body), ReplyError) for body in bad)
    for tree in (uint(0x40) + uint(1 << 60), uint(0x20) + uint(1) + uint(7), uint(3), uint(0x10) + string(b"2"), (uint(0x40) + uint(1)) * 5000, uint(2) + string(b"\xff"), uint(4) + double(float("nan"))):
        assert isinstance(restore(c, tree, 0), ReplyError)
    for version in (1, 4, 9):
        assert isinstance(restore(c, string(b"1"), version), ReplyError)
    seed = new_seed()
    rng = random.Random(seed)
    print("seed", seed)
    whole = string(DOCUMENT.encode())
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        reply = restore(c, bytes(damaged[: rng.randint(1, len(damaged))] if rng.random() < 0.5 else damaged))
        if reply == "OK":
            json.loads(c("JSON.GET", "k"))
    assert c("JSON.GET", "keep") == b"1"


def test_introspection(c, server):
    if server.version >= (7, 0):
        assert c("COMMAND", "GETKEYS", "JSON.MGET", "a", "b", "$") == [b"a", b"b"]
        assert c("COMMAND", "GETKEYS", "JSON.MSET", "a", "$", "1", "b", "$", "2") == [b"a", b"b"]
        assert c("COMMAND", "GETKEYS", "JSON.DEBUG", "MEMORY", "a") == [b"a"]
        docs = c("COMMAND", "DOCS", "JSON.SET", "JSON.ARRPOP")
        assert len(docs) == 4
    assert any(b"MEMORY" in line for line in c("JSON.DEBUG", "HELP"))
    if server.valkey or server.version >= (7, 4):
        c("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+@json", "-@write")
        assert b"json.get" in [name.lower() for name in c("ACL", "CAT", "json")]


def test_each_command_has_its_page(c, server):
    pages = ROOT / "docs/commands"
    overview = (ROOT / "docs/json.md").read_text()
    names = {x.decode().lower() for x in c("COMMAND", "LIST", "FILTERBY", "MODULE", "vectorset")} if server.modern else set()
    for name in names:
        if name.startswith("json."):
            assert f"[{name.upper()}](commands/{name}.md)" in overview
            assert (pages / f"{name}.md").read_text().startswith(f"# {name.upper()}\n\n    {name.upper()} ")


def test_left_out(server):
    other = Server(server.kind, arguments=("json", "no"))
    try:
        assert isinstance(ask(other.connect(), ["JSON.SET", "k", "$", "1"]), ReplyError)
    finally:
        other.remove()


def test_deep_replies_in_scripts(c, clean):
    """Lua of Redis 6.2.5 writes beyond its stack's end where a reply nests deep: there it is an error."""
    script = "return redis.call('JSON.RESP', KEYS[1])"
    for depth in (1, 5, 30, 127):
        c("JSON.SET", "k", "$", "[" * depth + "1" + "]" * depth)
        try:
            reply = c("EVAL", script, 1, "k")
            for _ in range(depth):
                bracket, reply = reply
                assert bracket in ("[", b"[")
            assert reply == 1
        except ReplyError as e:
            assert "nests too deep" in str(e) and depth > 5 and not clean.modern
    assert c("PING") == "PONG"


# Random commands beside a twin of dicts and lists.


def value(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 6:
        return rng.choice([None, True, False, rng.randint(-9, 9), rng.randint(-9, 9) / 4, rng.choice("abc") * rng.randint(0, 20)])
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    if kind == 7:
        return [rng.choice([rng.randint(-99, 99), rng.random()])] * rng.randint(1, 4)
    return {rng.choice("abcd"): value(rng, depth + 1) for _ in range(rng.randint(0, 3))}


def places(node, at=()):
    yield at
    if isinstance(node, dict):
        for name in node:
            yield from places(node[name], at + (name,))
    elif isinstance(node, list):
        for i, item in enumerate(node):
            yield from places(item, at + (i,))


def find(node, at):
    for step in at:
        node = node[step]
    return node


def text(at):
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)


def is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def twin_step(rng, twin, conn):
    at = rng.choice(list(places(twin["root"])))
    here, path, new = find(twin["root"], at), text(at), value(rng)
    parent = find(twin, ("root", *at[:-1])) if at else twin
    step = at[-1] if at else "root"
    action = rng.randrange(9)
    if action < 2:
        parent[step] = new
        assert conn("JSON.SET", "k", path, json.dumps(new)) == "OK"
    elif action == 2 and at:
        del parent[step]
        if not twin["root"]:
            conn("JSON.DEL", "k", path)
            twin["root"] = new
            conn("JSON.SET", "k", "$", json.dumps(new))
        else:
            assert conn("JSON.DEL", "k", path) == 1
    elif action == 3 and isinstance(here, list):
        where = rng.randint(-len(here), len(here))
        index = where if where >= 0 else len(here) + where
        here[index:index] = [new, new]
        assert conn("JSON.ARRINSERT", "k", path, where, json.dumps(new), json.dumps(new)) == [len(here)]
    elif action == 4 and isinstance(here, list):
        popped = here.pop() if here else None
        got = conn("JSON.ARRPOP", "k", path)[0]
        assert (None if got is None else json.loads(got)) == popped
    elif action == 5 and isinstance(here, list):
        start, stop = rng.randint(0, 4), rng.randint(0, 4)
        here[:] = here[start : stop + 1]
        assert conn("JSON.ARRTRIM", "k", path, start, stop) == [len(here)]
    elif action == 6 and is_number(here):
        parent[step] = here + 2.5
        assert json.loads(conn("JSON.NUMINCRBY", "k", path, "2.5")) == [here + 2.5]
    elif action == 7 and isinstance(here, dict):
        here["new"] = new
        assert conn("JSON.SET", "k", path + ".new", json.dumps(new)) == "OK"
    elif action == 8 and isinstance(here, str):
        parent[step] = here + "ß"
        assert conn("JSON.STRAPPEND", "k", path, '"ß"') == [len((here + "ß").encode())]


def test_random_commands_beside_a_twin(clean):
    seed = new_seed()
    print("seed", seed)
    rng, conn = random.Random(seed), clean.connect()
    twin = {"root": value(rng)}
    conn("JSON.SET", "k", "$", json.dumps(twin["root"]))
    for _ in range(1500):
        twin_step(rng, twin, conn)
        got = json.loads(conn("JSON.GET", "k"))
        assert got == twin["root"] and json.dumps(got) == json.dumps(twin["root"])
        twin["root"] = json.loads(json.dumps(twin["root"]))  # no value stands in two places
    conn("COPY", "k", "l")
    assert conn("DEBUG", "DIGEST-VALUE", "k") == conn("DEBUG", "DIGEST-VALUE", "l")


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(clean, protocol):
    if protocol == 3 and not clean.modern:
        protocol = 2
    r = clean.client(protocol)
    r.json().set("doc", "$", {"name": "lamp", "tags": ["a", "b"], "price": 2.5, "on": True})
    assert r.json().get("doc")["tags"] == ["a", "b"]
    assert r.json().get("doc", "$.price", "$.name") == {"$.price": [2.5], "$.name": ["lamp"]}
    assert r.json().arrappend("doc", "$.tags", "c") == [3]
    assert r.json().numincrby("doc", "$.price", 1) == [3.5]
    assert r.json().toggle("doc", "$.on") == [0]
    assert r.json().mget(["doc", "none"], "$.name") == [["lamp"], None]
    assert r.json().merge("doc", "$", {"price": None}) is True
    names = [name.decode() if isinstance(name, bytes) else name for name in r.json().objkeys("doc")]
    assert names == ["name", "tags", "on"]
    assert r.json().delete("doc") == 1


async def asynchronous(port, protocol):
    r = redis.asyncio.Redis(port=port, protocol=protocol)
    await r.json().set("doc", "$", {"a": [1, 2]})
    assert await r.json().arrindex("doc", "$.a", 2) == [1]
    assert await r.json().get("doc", "$.a[*]") == [1, 2]
    await r.aclose()


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_async(clean, protocol):
    import asyncio

    asyncio.run(asynchronous(clean.port, protocol if clean.modern else 2))


def test_active_defragmentation(launch, server):
    """Documents move to where the allocator wants them, and stay what they are."""
    conn = launch().connect()
    try:
        conn("CONFIG", "SET", "activedefrag", "yes")
    except ReplyError as refused:
        assert "efrag" in str(refused)
        return
    conn("CONFIG", "SET", "activedefrag", "no")
    for setting, number in (("ignore-bytes", 1), ("threshold-lower", 1), ("cycle-min", 60), ("cycle-max", 75)):
        conn("CONFIG", "SET", f"active-defrag-{setting}", number)
    texts = [json.dumps({"a long name of a member": ["x" * 70, i, {"y": [i / 3, i / 7] * 5}], "b": "y" * 90}) for i in range(20000)]
    assert set(conn.pipeline(["JSON.SET", f"k{i}", "$", text] for i, text in enumerate(texts))) == {"OK"}
    conn("JSON.SET", "large", "$", "[" + ",".join(texts[:3000]) + "]")
    conn.pipeline(["DEL", f"k{i}"] for i in range(len(texts)) if i % 8)
    # Documents are freed by a thread of the server's, so the holes may come while they are closed.
    seen = []

    def closed():
        seen.append(int(info(conn, "memory")["allocator_frag_bytes"]))
        return max(seen) > 2 << 20 and seen[-1] < max(seen) / 2

    eventually(lambda: int(info(conn, "memory")["allocator_frag_bytes"]) > 2 << 20)
    conn("CONFIG", "SET", "activedefrag", "yes")
    eventually(closed)
    assert int(info(conn, "stats")["active_defrag_hits"]) > 1000
    for i in range(0, len(texts), 8):
        assert json.loads(conn("JSON.GET", f"k{i}")) == json.loads(texts[i])
    assert json.loads(conn("JSON.GET", "large")) == [json.loads(text) for text in texts[:3000]]


def test_a_path_that_names_a_value_again_and_again(clean):
    """Replies that would take all memory are refused, and paths of one command share a bound on their work."""
    conn = clean.connect()
    conn("JSON.SET", "doc", "$", json.dumps([{f"k{n}": "v" * 100 for n in range(2000)}, list(range(2000))]))
    path = "$[" + ",".join(["0"] * 20_000) + "]"
    for command in (("JSON.RESP", "doc", path), ("JSON.OBJKEYS", "doc", path), ("JSON.DEBUG", "MEMORY", "doc", path), ("JSON.GET", "doc", path)):
        with pytest.raises(ReplyError, match="too large"):
            conn(*command)
    assert len(conn("JSON.TYPE", "doc", path)) == 20_000
    with pytest.raises(ReplyError, match="too many values"):
        conn("JSON.GET", "doc", *(f"$..[?(@.a{n}>1)]" for n in range(10_000)))
