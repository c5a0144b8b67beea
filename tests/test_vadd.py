"""VADD: arguments and the order in which they are checked, limits, what an update keeps."""

import numpy as np
import pytest

from resp import ReplyError, error, floats, pairs
from vectors import fp32, random_vectors, values

ARITY = "ERR wrong number of arguments for 'VADD' command"
SPEC = "ERR invalid vector specification"
OPTION = "ERR invalid option after element"
WRONGTYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


def test_adds_and_updates(c):
    assert c("VADD", "k", *values(1, 2, 3), "a") == 1
    assert c("VADD", "k", "FP32", fp32([1, 0, 3]), "b") == 1
    assert c("VADD", "k", *values(3, 2, 1), "a") == 0
    assert c("VCARD", "k") == 2
    assert floats(c("VEMB", "k", "a")) == pytest.approx([3, 2, 1], abs=0.02)


@pytest.mark.parametrize("element", [b"", b"\x00\xff\r\n", b"CAS", b"x" * 100_000, "caffè".encode(), b"SETATTR"])
def test_any_bytes_are_a_name(c, element):
    assert c("VADD", "k", *values(1, 2), element) == 1
    assert c("VADD", "k", *values(2, 1), element) == 0
    assert c("VRANDMEMBER", "k") == element
    assert c("VISMEMBER", "k", element) == 1
    assert c("VSIM", "k", "ELE", element) == [element]


@pytest.mark.parametrize(
    "args, text",
    [
        ([], ARITY),
        (["VALUES", 1, 1], ARITY),  # four arguments in all
        (["VALUES", 2, 1, 1], ARITY),  # no element left
        (["REDUCE", 1, "VALUES", 2, 1, 1], ARITY),
        (["REDUCE", 1, "FP32", fp32([1, 2])], ARITY),
        (["REDUCE", "x", "VALUES", 2, 1, 1, "e"], SPEC),
        (["REDUCE", 0, "VALUES", 2, 1, 1, "e"], SPEC),
        (["REDUCE", -1, "VALUES", 2, 1, 1, "e"], SPEC),
        (["WHAT", 2, 1, 1, "e"], SPEC),
        (["VALUES", "x", 1, 1, "e"], SPEC),
        (["VALUES", 0, "e", "x"], SPEC),
        (["VALUES", -1, "e", "x"], SPEC),
        (["VALUES", " 2", 1, 1, "e"], SPEC),
        (["VALUES", "+2", 1, 1, "e"], SPEC),
        (["VALUES", 3, 1, 2], SPEC),
        (["VALUES", 2, 1, "x", "e"], SPEC),
        (["VALUES", 2, 1, "", "e"], SPEC),
        (["VALUES", 2, 1, "1x", "e"], SPEC),
        (["VALUES", 2, 1, " 1", "e"], SPEC),
        (["VALUES", 2, 1, "nan", "e"], SPEC),
        (["VALUES", 2, 1, "1e400", "e"], SPEC),
        (["FP32", b"", "e"], SPEC),
        (["FP32", b"12345", "e"], SPEC),
        (["VALUES", 1, 1, "e", "WHAT"], OPTION),
        (["VALUES", 1, 1, "e", "COUNT", 3], OPTION),
        (["VALUES", 1, 1, "e", "EF"], OPTION),
        (["VALUES", 1, 1, "e", "M"], OPTION),
        (["VALUES", 1, 1, "e", "SETATTR"], OPTION),
        (["VALUES", 1, 1, "e", "REDUCE", 1], OPTION),
        *[(["VALUES", 1, 1, "e", "EF", n], "ERR invalid EF") for n in (0, -1, 1000001, "x", "1.5", 2**64)],
        *[(["VALUES", 1, 1, "e", "M", n], "ERR invalid M") for n in (3, 0, -16, 4097, "x", "")],
        (["VALUES", 1, 1, "e", "EF", 0, "M", 0], "ERR invalid EF"),
        (["VALUES", 1, 1, "e", "M", 0, "EF", 0], "ERR invalid M"),
        (["VALUES", 1, 1, "e", "EF", 0, "EF", 10], "ERR invalid EF"),
        (["VALUES", 1, 1, "e", "WHAT", "EF", 0], OPTION),
        (["VALUES", 2, 1, "x"], SPEC),  # the vector before the missing element
    ],
    ids=lambda x: None if isinstance(x, list) else "",
)
def test_refused(c, args, text):
    with error(text):
        c("VADD", "k", *args)
    assert c("EXISTS", "k") == 0


@pytest.mark.differs("REDUCE is cut to 32 bits, 8.2 does not compare it with the dimension")
@pytest.mark.parametrize("dim", [3, 2**32 + 1, 2**32, 2**63 - 1])
def test_reduce_is_at_most_the_dimension(c, server, dim):
    if server.peer:
        pytest.xfail("allocates the matrix first")
    with error(SPEC):
        c("VADD", "k", "REDUCE", dim, *values(1, 2), "e")


@pytest.mark.differs("8.2 has no limit and crashes")
@pytest.mark.parametrize("command", ["VADD", "VSIM"])
def test_too_many_dimensions(c, command):
    c("VADD", "k", *values(1, 2), "e")
    for n in (65537, 2**31, 2**32, 2**32 + 2, 2**63 - 1):
        with error(SPEC):
            c(command, "k", "VALUES", n, 1, 2, "e")
    with error(SPEC):
        c(command, "k", "FP32", b"\0" * 262148, "e")
    with error(SPEC):
        c(command, "k", *values(*np.ones(65537)), "e")


@pytest.mark.differs("non-finite numbers are accepted")
@pytest.mark.parametrize("bad", ["inf", "-inf", "Infinity", "1e39", "-1e39"])
def test_infinite_components(c, bad):
    with error(SPEC):
        c("VADD", "k", "VALUES", 2, 1, bad, "e")
    with error(SPEC):
        c("VADD", "k", "FP32", fp32([1, float("nan")]), "e")
    with error(SPEC):
        c("VADD", "k", "FP32", fp32([float("inf"), 1]), "e")
    assert c("EXISTS", "k") == 0


def test_number_syntax(c):
    assert c("VADD", "k", "VALUES", 4, "+1", "0x2", "3e0", ".5", "e", "NOQUANT") == 1
    assert floats(c("VEMB", "k", "e")) == pytest.approx([1, 2, 3, 0.5])


def test_tokens_in_any_case_order_and_number(c):
    attr = ["setattr", "{}", "Ef", 10, "cas", "ef", 20, "CAS", "m", 8, "nOqUaNt", "bin", "q8", "SetAttr", '{"x":1}']
    assert c("VADD", "k", "values", 1, 1, "e", *attr) == 1
    info = pairs(c("VINFO", "k"))
    assert (info["quant-type"], info["hnsw-m"]) == ("int8", 8)
    assert c("VGETATTR", "k", "e") == b'{"x":1}'
    assert c("vadd", "k2", "reduce", 1, "fp32", fp32([1, 2]), "e") == 1


def test_limits(c):
    assert c("VADD", "k", "FP32", fp32(np.ones(65536)), "e", "EF", 1000000, "M", 4096) == 1
    assert c("VDIM", "k") == 65536
    assert c("VADD", "v", *values(*np.ones(65536)), "e", "M", 4) == 1


def test_wrong_type_comes_after_the_options(c):
    c("SET", "k", "x")
    with error("ERR invalid EF"):
        c("VADD", "k", *values(1), "e", "EF", 0)
    with error(WRONGTYPE):
        c("VADD", "k", *values(1), "e", "BIN", "M", 7)


def test_an_existing_set_decides(c):
    c("VADD", "k", *values(1, 2, 3), "e", "BIN", "M", 8)
    with error("ERR asked quantization mismatch with existing vector set"):
        c("VADD", "k", *values(1, 2, 3), "f")
    with error("ERR asked quantization mismatch with existing vector set"):
        c("VADD", "k", *values(1), "f", "NOQUANT", "M", 9)
    with error("ERR asked M value mismatch with existing vector set"):
        c("VADD", "k", *values(1), "f", "BIN")
    with error("ERR Vector dimension mismatch - got 2 but set has 3"):
        c("VADD", "k", *values(1, 2), "f", "BIN", "M", 8)
    with error("ERR cannot add projection to existing set without projection"):
        c("VADD", "k", "REDUCE", 2, *values(1, 2, 3), "f", "BIN", "M", 8)
    assert c("VCARD", "k") == 1
    assert c("VADD", "k", *values(1, 2, 3), "f", "BIN", "M", 8, "EF", 7) == 1


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_update_moves_the_element(c, quant):
    vectors = random_vectors(200, 16, seed=1)
    for i, v in enumerate(vectors):
        c("VADD", "k", "FP32", fp32(v), f"e{i}", quant)
    target = np.ones(16)
    c("VADD", "k", "FP32", fp32(target), "target", quant)
    for i in range(50):
        assert c("VADD", "k", "FP32", fp32(target), f"e{i}", quant) == 0
    assert c("VCARD", "k") == 201
    expected = {b"target", *(b"e%d" % i for i in range(50))}
    assert set(c("VSIM", "k", "FP32", fp32(target), "COUNT", 51)) == expected
    for i in range(50):
        assert c("VADD", "k", "FP32", fp32(-target), f"e{i}", quant) == 0
    assert c("VSIM", "k", "FP32", fp32(target), "COUNT", 1) == [b"target"]
    assert not expected & set(c("VSIM", "k", "FP32", fp32(target), "COUNT", 100)) - {b"target"}


def test_update_and_attributes(c):
    def count():
        return pairs(c("VINFO", "k"))["attributes-count"]

    c("VADD", "k", *values(1, 2), "e", "SETATTR", '{"a":1}')
    c("VADD", "k", *values(2, 1), "e")
    assert (c("VGETATTR", "k", "e"), count()) == (b'{"a":1}', 1)
    c("VADD", "k", *values(2, 1), "e", "SETATTR", '{"a":2}')
    assert (c("VGETATTR", "k", "e"), count()) == (b'{"a":2}', 1)
    c("VADD", "k", *values(2, 1), "e", "SETATTR", "")
    assert (c("VGETATTR", "k", "e"), count()) == (None, 0)
    c("VADD", "k", *values(2, 1), "e", "SETATTR", "not json", "CAS")
    assert (c("VGETATTR", "k", "e"), count()) == (b"not json", 1)


@pytest.mark.differs("stored as an empty attribute")
def test_empty_attribute_is_none(c):
    c("VADD", "k", *values(1, 2), "e", "SETATTR", "")
    assert c("VGETATTR", "k", "e") is None
    assert pairs(c("VINFO", "k"))["attributes-count"] == 0
    assert c("VSIM", "k", *values(1, 2), "FILTER", "1") == []


@pytest.mark.parametrize("cas", [[], ["CAS"]])
def test_node_ids_count_insertions_and_updates(c, cas):
    for i in range(5):
        c("VADD", "k", *values(1, i), f"e{i}", *cas)
    c("VADD", "k", *values(9, 9), "e0", *cas)
    c("VREM", "k", "e1")
    assert pairs(c("VINFO", "k"))["hnsw-max-node-uid"] == 6


def test_zero_vector(c):
    for quant in ("NOQUANT", "Q8"):
        k = f"k{quant}"
        c("VADD", k, *values(0, 0, 0), "zero", quant)
        c("VADD", k, *values(1, 2, 3), "e", quant)
        got = c("VSIM", k, *values(1, 1, 1), "WITHSCORES")
        assert float(got[got.index(b"zero") + 1]) == 0.5
        got = c("VSIM", k, *values(0, 0, 0), "WITHSCORES")
        assert floats(got[1::2]) == [0.5, 0.5]
        assert floats(c("VEMB", k, "zero")) == [0, 0, 0]


@pytest.mark.differs("the norm overflows")
@pytest.mark.parametrize("size", [1e30, 1e20, 1e-25, 1e-30])
def test_very_large_and_small_numbers(c, size):
    c("VADD", "k", "FP32", fp32([size, 2 * size]), "e", "NOQUANT")
    assert floats(c("VEMB", "k", "e")) == pytest.approx([size, 2 * size], rel=1e-5)
    assert float(c("VSIM", "k", *values(1, 2), "WITHSCORES")[1]) == pytest.approx(1, abs=1e-6)


def test_errors_leave_an_existing_set_alone(c):
    c("VADD", "k", *values(1, 2), "e", "SETATTR", "{}")
    before = c("DUMP", "k")
    for bad in (["VALUES", 3, 1, 2, 3, "e"], ["VALUES", 2, 1, 2, "e", "BIN"], ["VALUES", 2, 1, 2, "e", "M", 5]):
        with pytest.raises(ReplyError):
            c("VADD", "k", *bad, "SETATTR", "changed")
    assert c("DUMP", "k") == before
