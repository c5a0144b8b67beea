"""`vset migrate` and `vset recall`, as a user runs them."""

import re

import pytest

from command_line import vset
from servers import Server
from vectors import add, fp32, name, random_vectors, values

FORMATS = ["Q8", "NOQUANT", "BIN"]


def run(*args, code=0):
    return vset(*args, code=code).stdout


def url(server):
    return f"redis://127.0.0.1:{server.port}/0"


def outcomes(text):
    """Key: what became of it."""
    return dict(re.findall(r"^(.+?): [\d,]+ elements (.*)$", text, re.M))


@pytest.fixture
def other(server):
    """The other end of a migration: Redis 8 if a server under test is at this end, else a fifth server."""
    other = Server("redis70" if server.peer else "peer")
    yield other
    other.remove()


@pytest.fixture(params=["to", "from"])
def ends(clean, other, request):
    return (clean, other) if request.param == "to" else (other, clean)


def contents(c, key):
    """All that a set holds, by name: digests of Redis 8 are composed differently."""
    names = sorted(c("VRANDMEMBER", key, 100_000))
    raw = c.pipeline(("VEMB", key, n, "RAW") for n in names)
    attributes = c.pipeline(("VGETATTR", key, n) for n in names)
    return {n: (v[1], [float(x) for x in v[2:]], a or None) for n, v, a in zip(names, raw, attributes)}


def assert_same(a, b, keys):
    for key in keys:
        assert contents(a, key) == contents(b, key), key


def fill(c, reduced=True):
    vectors = random_vectors(1300, 24, seed=3)
    for i, form in enumerate(FORMATS):
        add(c, form, vectors[:700], form, "M", 8 + i, attributes=lambda i: '{"i":%d}' % i if i % 3 else "")
    c("VADD", "single", *values(0, 0), "\x00 name")
    c("PEXPIRE", "single", 3_600_000)
    if reduced:
        add(c, "reduced", vectors, prefix=("REDUCE", 8))
    c("SET", "string", "x")


def test_by_dump(ends):
    source, target = ends
    s, t = source.connect(), target.connect()
    fill(s)
    keys = [*FORMATS, "reduced", "single"]
    assert outcomes(run("migrate", url(source), url(target))) == dict.fromkeys(keys, "by dump")
    assert_same(s, t, keys)
    assert t("EXISTS", "string") == 0
    assert 3_500_000 < t("PTTL", "single") <= 3_600_000
    assert t("VADD", "reduced", "REDUCE", 8, "FP32", fp32(random_vectors(1, 24, seed=9)[0]), "more") == 1


def test_by_elements(ends):
    source, target = ends
    s, t = source.connect(), target.connect()
    fill(s)
    text = run("migrate", url(source), url(target), "--by", "elements", code=1)
    done = outcomes(text)
    assert "matrix that only DUMP carries" in done.pop("reduced")
    assert done == dict.fromkeys([*FORMATS, "single"], "by elements")
    assert "4 of 5 vector sets" in text
    for form in FORMATS:
        raw = [conn("VEMB", form, name(5), "RAW") for conn in (s, t)]
        assert raw[0][:2] == raw[1][:2]
        assert t("VGETATTR", form, name(4)) == b'{"i":4}' and t("VGETATTR", form, name(3)) is None
        assert t("VINFO", form)[3] == s("VINFO", form)[3]  # M
    assert t("PTTL", "single") > 3_500_000


def test_a_run_that_was_interrupted_is_repeated(ends):
    source, target = ends
    s, t = source.connect(), target.connect()
    fill(s)
    assert outcomes(run("migrate", url(source), url(target), "--match", "Q8")) == {"Q8": "by dump"}
    add(t, "BIN", random_vectors(700, 24, seed=3)[:300], "BIN", "M", 10, attributes=lambda i: '{"i":%d}' % i if i % 3 else "")
    expected = {"Q8": "was there", "BIN": "by elements", "NOQUANT": "by dump", "reduced": "by dump", "single": "by dump"}
    assert outcomes(run("migrate", url(source), url(target))) == expected
    assert outcomes(run("migrate", url(source), url(target))) == dict.fromkeys(expected, "was there")
    assert t("VCARD", "BIN") == 700

    t("VADD", "single", *values(1, 1), "another")
    t("VREM", "Q8", name(1))
    t("VADD", "Q8", "FP32", fp32(random_vectors(1, 24, seed=8)[0]), name(1), "M", 8)
    for i in range(0, 700):  # so that a sample cannot miss it
        t("VSETATTR", "Q8", name(i), "[]")
    again = outcomes(run("migrate", url(source), url(target), code=1))
    assert "--replace overwrites it" in again["single"]
    assert "FAILED: has other attributes" in again["Q8"] or "FAILED: has another vector" in again["Q8"]
    assert outcomes(run("migrate", url(source), url(target), "--replace")) == dict.fromkeys(expected, "by dump")
    assert_same(s, t, expected)


def test_what_cannot_be_restored_goes_by_elements(clean, launch):
    """A set that is too large for one argument."""
    target = launch(("proto-max-bulk-len", "1mb"))
    add(clean.connect(), "k", random_vectors(4000, 100, seed=4), "NOQUANT")
    assert outcomes(run("migrate", url(clean), url(target))) == {"k": "by elements"}
    assert target.connect()("VCARD", "k") == 4000


@pytest.mark.parametrize("options", [(), ("--mix", 3, "--filter", ".i < 500")])
def test_recall(clean, options, tmp_path):
    c = clean.connect()
    add(c, "k", random_vectors(2000, 32, seed=5), attributes=lambda i: '{"i":%d}' % i)
    text = run("recall", url(clean), "k", "--queries", 40, "--ef", "10,400", *options)
    rows = {row[0]: float(row[1]) for row in re.findall(r"^ *(10|400|TRUTH) +([\d.]+)", text, re.M)}
    assert rows["TRUTH"] == 1
    assert 0.2 < rows["10"] <= 1 and 0.95 < rows["400"] <= 1
    assert "2,000 elements, 40 queries for 10" in text
    run("recall", url(clean), "no such key", code=1)


def test_metrics_and_times_of_elements_go_along(clean, launch):
    """By elements between two servers with the module, and by dump."""
    target = launch()
    s, t = clean.connect(), target.connect()
    for form in ("Q8", "NOQUANT", "F16"):
        for metric in ("L2", "IP"):
            add(s, form + metric, 10 * random_vectors(300, 16, seed=6), form, "METRIC", metric)
    s("VADD", "times", *values(1, 2), "a", "EX", 1000)
    s("VADD", "times", *values(2, 1), "b")
    keys = s("KEYS", "*")
    for how in ("elements", "dump"):
        t("FLUSHALL")
        done = outcomes(run("migrate", url(clean), url(target), "--by", how))
        assert done == {key.decode(): f"by {how}" for key in keys}
        for key in keys:
            assert t("VINFO", key)[1::2][-3:-1] == s("VINFO", key)[1::2][-3:-1]
            for n in s("VRANGE", key, "-", "+"):
                mine, theirs = ([float(x) for x in conn("VEMB", key, n)] for conn in (s, t))
                assert theirs == pytest.approx(mine, rel=1e-5, abs=1e-6)
        assert t("VPEXPIRETIME", "times", "ELEMENTS", 2, "a", "b") == s("VPEXPIRETIME", "times", "ELEMENTS", 2, "a", "b")
