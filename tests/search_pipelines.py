"""Random pipelines of FT.AGGREGATE: the words of each step, and beside them what it does to rows in Python.

A row is a dict of floats, strings, lists and None (a null); a name that is not there has no value."""

import math
import statistics
from dataclasses import dataclass, field

import numpy as np


class Fails(Exception):
    """The query is answered by an error."""


@dataclass
class Any:
    """One of these values, or so many at most of them in a list."""

    values: list
    most: int = 0


@dataclass
class Pipeline:
    words: list
    rows: list = field(default_factory=list)
    keys: list = None  # of the rows in their order, if that is defined
    window: tuple = (0, None)  # of the rows, in that order
    fails: bool = False


def bytes_of(text):
    return text.encode("utf-8", "surrogateescape")


def text_of(data):
    return data.decode("utf-8", "surrogateescape")


def number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Fails(value) from None


def get(row, name):
    if name not in row:
        raise Fails(name)
    return row[name]


class Expressions:
    """Random expressions as (text, what it yields of a row). `numbers` and `strings` are the names that rows may have."""

    def __init__(self, rng, numbers, strings):
        self.rng, self.numbers, self.strings = rng, numbers, strings

    def literal(self):
        value = self.rng.choice([0, 1, 2, 3, 10, 0.5, -4])
        return f"{value:g}", lambda row: float(value)

    def number(self, depth):
        kinds = ["literal", "name", "name"] + ["sum", "sum", "over", "function", "measure", "case", "time"] * (depth > 0)
        return getattr(self, "number_" + self.rng.choice(kinds))(depth)

    def number_literal(self, _depth):
        return self.literal()

    def number_name(self, _depth):
        if not self.numbers:
            return self.literal()
        name = self.rng.choice(self.numbers)
        return f"@{name}", lambda row: number(get(row, name))

    def number_sum(self, depth):
        (a, left), (b, right) = self.number(depth - 1), self.number(depth - 1)
        sign, do = self.rng.choice([("+", float.__add__), ("-", float.__sub__), ("*", float.__mul__)])
        return f"({a} {sign} {b})", lambda row: do(left(row), right(row))

    def number_over(self, depth):
        a, left = self.number(depth - 1)
        by = self.rng.choice([2, 4, 0.5])
        sign, do = self.rng.choice([("/", lambda x: x / by), ("%", lambda x: math.fmod(x, by)), ("^", lambda x: x * x)])
        return f"({a} {sign} {2 if sign == '^' else by})", lambda row: do(left(row))

    def number_function(self, depth):
        a, inner = self.number(depth - 1)
        name, do = self.rng.choice([("abs", abs), ("floor", math.floor), ("ceil", math.ceil)])
        if self.rng.random() < 0.3:
            name, do = self.rng.choice([("sqrt(abs", lambda x: math.sqrt(abs(x))), ("log(1 + abs", lambda x: math.log(1 + abs(x)))])
            return f"{name}({a}))", lambda row: do(inner(row))
        return f"{name}({a})", lambda row: float(do(inner(row)))

    def number_measure(self, depth):
        a, text = self.string(depth - 1)
        part = self.rng.choice(["e", "o", "ing", ""])
        overlapping = lambda s: sum(bytes_of(s).startswith(part.encode(), at) for at in range(len(bytes_of(s)) + (not part)))
        kinds = [
            (f"strlen({a})", lambda s: len(bytes_of(s))),
            (f"contains({a}, '{part}')", lambda s: overlapping(s)),
            (f"startswith({a}, '{part}')", lambda s: int(s.startswith(part))),
        ]
        text_of, do = self.rng.choice(kinds)
        return text_of, lambda row: float(do(text(row)))

    def number_case(self, depth):
        (c, condition), (a, then), (b, other) = self.truth(depth - 1), self.number(depth - 1), self.number(depth - 1)
        return f"case({c}, {a}, {b})", lambda row: then(row) if condition(row) else other(row)

    def number_time(self, depth):
        a, inner = self.number(depth - 1)
        moment = lambda row: np.datetime64(int(abs(inner(row)) * 1e7 % 4e9), "s")
        whole = lambda unit: lambda row: float(moment(row).astype(f"datetime64[{unit}]").astype("datetime64[s]").astype(int))
        kinds = {
            "day": whole("D"), "hour": whole("h"), "minute": whole("m"), "month": whole("M"),
            "year": lambda row: float(moment(row).astype("datetime64[Y]").astype(int) + 1970),
            "monthofyear": lambda row: float(moment(row).astype("datetime64[M]").astype(int) % 12),
            "dayofweek": lambda row: float((moment(row).astype("datetime64[D]").astype(int) + 4) % 7),
        }  # fmt: skip
        name = self.rng.choice(sorted(kinds))
        return f"{name}(floor(abs({a}) * 10000000 % 4000000000))", kinds[name]

    def string(self, depth):
        kinds = ["literal", "name", "name", "name"] + ["fold", "part", "format"] * (depth > 0)
        return getattr(self, "string_" + self.rng.choice(kinds))(depth)

    def string_literal(self, _depth):
        value = self.rng.choice(["red", "it's", "", "running fox"])
        return '"' + value + '"', lambda row: value

    def string_name(self, _depth):
        if not self.strings:
            return self.string_literal(0)
        name = self.rng.choice(self.strings)

        def read(row):
            value = get(row, name)
            if not isinstance(value, str):
                raise Fails(value)
            return value

        return f"@{name}", read

    def string_fold(self, depth):
        a, inner = self.string(depth - 1)
        name, do = self.rng.choice([("upper", bytes.upper), ("lower", bytes.lower)])  # ASCII letters only
        return f"{name}({a})", lambda row: text_of(do(bytes_of(inner(row))))

    def string_part(self, depth):
        a, inner = self.string(depth - 1)
        start, count = self.rng.randint(-4, 6), self.rng.randint(-1, 5)

        def cut(row):
            data = bytes_of(inner(row))
            at = start if start >= 0 else len(data) + start
            cut_off = data[at : len(data) if count < 0 else at + count] if at >= 0 else b""
            return text_of(cut_off)

        return f"substr({a}, {start}, {count})", cut

    def string_format(self, depth):
        (a, first), (b, second) = self.string(depth - 1), self.string(depth - 1)
        return f'format("%s-%s%%", {a}, {b})', lambda row: f"{first(row)}-{second(row)}%"

    def truth(self, depth):
        kinds = ["compare", "compare", "same", "exists"] + ["both", "negated"] * (depth > 0)
        return getattr(self, "truth_" + self.rng.choice(kinds))(depth)

    def truth_compare(self, depth):
        (a, left), (b, right) = self.number(depth - 1), self.number(depth - 1)
        sign, do = self.rng.choice([("<", float.__lt__), ("<=", float.__le__), (">", float.__gt__), (">=", float.__ge__),
                                    ("==", float.__eq__), ("!=", float.__ne__)])  # fmt: skip
        return f"({a} {sign} {b})", lambda row: do(left(row), right(row))

    def truth_same(self, depth):
        (a, left), (b, right) = self.string_name(depth - 1), self.string_literal(depth - 1)
        sign, do = self.rng.choice([("==", str.__eq__), ("!=", str.__ne__), ("<", lambda x, y: bytes_of(x) < bytes_of(y))])
        return f"({a} {sign} {b})", lambda row: do(left(row), right(row))

    def truth_exists(self, _depth):
        names = [*self.numbers, *self.strings]
        if not names:
            return "1", lambda row: True
        name = self.rng.choice(names)
        return f"exists(@{name})", lambda row: name in row

    def truth_both(self, depth):
        (a, left), (b, right) = self.truth(depth - 1), self.truth(depth - 1)
        if self.rng.random() < 0.5:
            return f"({a} && {b})", lambda row: left(row) and right(row)
        return f"({a} || {b})", lambda row: left(row) or right(row)

    def truth_negated(self, depth):
        a, inner = self.truth(depth - 1)
        return f"!({a})", lambda row: not inner(row)


def different(values):
    return list({v: v for v in values}.values())


class Reducers:
    """Random reducers as (words, name, what it makes of the rows of a group)."""

    def __init__(self, rng, numbers, strings):
        self.rng, self.numbers, self.strings = rng, numbers, strings

    def reducer(self, position):
        name = f"r{position}"
        of_numbers = ["SUM", "MIN", "MAX", "AVG", "STDDEV", "QUANTILE"] if self.numbers else []
        of_any = ["COUNT_DISTINCT", "TOLIST", "FIRST_VALUE", "RANDOM_SAMPLE"] if self.numbers or self.strings else []
        kind = self.rng.choice(["COUNT", *of_any, *of_numbers])
        if kind == "COUNT":
            return ["REDUCE", "COUNT", 0, "AS", name], name, lambda rows: float(len(rows))
        of = self.rng.choice(self.numbers if kind in of_numbers else [*self.numbers, *self.strings])
        values = lambda rows: [row[of] for row in rows if row.get(of) is not None]
        if kind == "QUANTILE":
            share = self.rng.choice([0, 0.25, 0.5, 0.95, 1])
            return ["REDUCE", kind, 2, f"@{of}", share, "AS", name], name, lambda rows: quantile(sorted(values(rows)), share)
        if kind == "FIRST_VALUE":
            return self.first(of, name, values)
        if kind == "RANDOM_SAMPLE":
            count = self.rng.randint(1, 5)
            return ["REDUCE", kind, 2, f"@{of}", count, "AS", name], name, lambda rows: Any(values(rows), count)
        return ["REDUCE", kind, 1, f"@{of}", "AS", name], name, lambda rows: REDUCE[kind](values(rows))

    def first(self, of, name, values):
        if not self.numbers or self.rng.random() < 0.3:
            return ["REDUCE", "FIRST_VALUE", 1, f"@{of}", "AS", name], name, lambda rows: Any(values(rows))
        by, least = self.rng.choice(self.numbers), self.rng.random() < 0.5

        def choose(rows):
            rows = [row for row in rows if row.get(of) is not None]
            have = [row[by] for row in rows if row.get(by) is not None]
            best = (min if least else max)(have) if have else None
            return Any([row.get(of) for row in rows if row.get(by) == best])

        words = ["REDUCE", "FIRST_VALUE", 4, f"@{of}", "BY", f"@{by}", "ASC" if least else "DESC", "AS", name]
        return words, name, choose


REDUCE = {
    "COUNT_DISTINCT": lambda values: float(len(set(values))),
    "TOLIST": different,
    "SUM": lambda values: math.fsum(values) if values else math.nan,
    "AVG": lambda values: math.fsum(values) / len(values) if values else math.nan,
    "MIN": lambda values: min(values, default=math.inf),
    "MAX": lambda values: max(values, default=-math.inf),
    "STDDEV": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
}


def quantile(values, share):
    """Any value near the rank: how one falls between two is not told."""
    if not values:
        return math.nan
    at = share * (len(values) - 1)
    return Any(values[max(0, math.floor(at) - 1) : math.ceil(at) + 2])


class Pipelines:
    """Random pipelines over rows {"__key": …, field: value}, of which `numbers` and `strings` are fields."""

    def __init__(self, rng, rows, numbers, strings, folded):
        self.rng, self.all, self.numbers, self.strings, self.folded = rng, rows, numbers, strings, folded

    def pipeline(self):
        made = Pipeline([])
        try:
            self.grouped(made) if self.rng.random() < 0.5 else self.plain(made)
        except Fails:
            made.fails = True
        return made

    def plain(self, made):
        rng = self.rng
        numbers, strings = (rng.sample(names, rng.randint(0, len(names))) for names in (self.numbers, self.strings))
        made.words += ["LOAD", 1 + len(numbers) + len(strings), "__key", *(f"@{name}" for name in [*numbers, *strings])]
        made.rows = [{k: row[k] for k in ["__key", *numbers, *strings] if k in row} for row in self.all]
        for position in range(rng.randint(0, 2)):
            self.apply(made, f"a{position}", numbers, strings)
        if rng.random() < 0.4:
            self.filter(made, numbers, strings)
        self.ending(made, [*numbers, *strings])

    def grouped(self, made):
        """Without LOAD a folded value is seen, and with it the document's."""
        rng, names = self.rng, [*self.numbers, *self.strings]
        by = rng.sample(names, rng.randint(0, min(2, len(names))))
        reducers = [Reducers(rng, self.numbers, self.strings).reducer(n) for n in range(rng.randint(0, 4))]
        rows = self.all
        if rng.random() < 0.5:
            made.words += ["LOAD", len(names), *(f"@{name}" for name in names)]
        else:
            rows = [{k: v.lower() if k in self.folded else v for k, v in row.items()} for row in rows]
        made.words += ["GROUPBY", len(by), *(f"@{name}" for name in by)]
        groups = {}
        for row in rows:
            groups.setdefault(tuple(row.get(name) for name in by), []).append(row)
        for words, _, _ in reducers:
            made.words += words
        made.rows = [
            {**dict(zip(by, key)), **{name: make(group) for _, name, make in reducers}} for key, group in groups.items()
        ]
        counts = [name for words, name, _ in reducers if words[1] in ("COUNT", "COUNT_DISTINCT")]
        if counts and rng.random() < 0.5:
            self.apply(made, "a0", counts, [])
        if counts and rng.random() < 0.3:
            self.filter(made, counts, [])
        self.ending(made, [*counts, *by])

    def apply(self, made, name, numbers, strings):
        make = Expressions(self.rng, numbers, strings)
        if self.rng.random() < 0.6:
            text, value = make.number(2)
            numbers.append(name)
        else:
            text, value = make.string(2)
            strings.append(name)
        made.words += ["APPLY", text, "AS", name]
        made.rows = [{**row, name: value(row)} for row in made.rows]

    def filter(self, made, numbers, strings):
        text, value = Expressions(self.rng, numbers, strings).truth(2)
        made.words += ["FILTER", text]
        made.rows = [row for row in made.rows if value(row)]

    def ending(self, made, names):
        rng = self.rng
        if names and rng.random() < 0.6:
            by = [(name, rng.random() < 0.5) for name in rng.sample(names, min(len(names), rng.randint(1, 2)))]
            words = [word for name, down in by for word in (f"@{name}", "DESC" if down else "ASC")]
            made.words += ["SORTBY", len(words), *words]
            key = lambda row: [rank(row, name, down) for name, down in by]
            made.rows.sort(key=key)
            made.keys = [key(row) for row in made.rows]
            if rng.random() < 0.5:
                most = rng.choice([1, 3, 20, 500])
                made.words += ["MAX", most]
                made.window = (0, most)
            else:
                made.window = (0, 10)
        if rng.random() < 0.3:
            offset, count = rng.randint(0, 5), rng.choice([0, 3, 100])
            if count == 0:
                offset = 0
            made.words += ["LIMIT", offset, count]
            made.window = (offset, offset + count)


class Down:
    """Sorts the other way round."""

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return other.value < self.value

    def __eq__(self, other):
        return other.value == self.value


def rank(row, name, down):
    """Where a row stands by one name: null is the least value, no value comes last."""
    if name not in row:
        return (2, 0)
    value = row[name]
    if value is None:
        return (1 if down else -1, 0)
    value = bytes_of(value) if isinstance(value, str) else value
    return (0, Down(value) if down else value)


def same(want, got):
    """Whether a value of a reply is the wanted one."""
    if isinstance(want, Any):
        if want.most:
            return isinstance(got, list) and len(got) <= want.most and all(any(same(v, g) for v in want.values) for g in got)
        return any(same(v, got) for v in want.values) or (not want.values and got is None)
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(any(same(w, g) for g in got) for w in want)
    if want is None or got is None:
        return want is got
    if isinstance(want, str):
        return got == bytes_of(want)
    try:
        got = float(got)
    except (TypeError, ValueError):
        return False
    return want == got or (want != want and got != got) or abs(want - got) <= 1e-9 * max(1, abs(want), abs(got))


def difference(made, rows):
    """What is wrong with the rows of a reply; None if nothing is."""
    start, end = made.window
    window = made.rows[start:end]
    if len(rows) != len(window):
        return f"{len(rows)} rows, not {len(window)}"
    left = list(enumerate(made.rows))
    for position, row in enumerate(rows, start):
        fits = (
            place
            for place, (at, want) in enumerate(left)
            if (made.keys is None or made.keys[at] == made.keys[position])
            and want.keys() == row.keys()
            and all(same(want[name], row[name]) for name in want)
        )
        place = next(fits, None)
        if place is None:
            return f"row {position - start}: {row}"
        del left[place]
    return None
