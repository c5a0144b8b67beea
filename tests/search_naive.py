"""Search by brute force over plain dicts: what the documents of an index hold, and which of them a query's tree matches, with
scores and distances. The twin that the server's replies are compared with; it shares no code and no structure with it."""

import functools
import itertools
import math
import re
from dataclasses import dataclass, field

import numpy as np
import shapely

STOP_WORDS = set(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was "
    "will with".split()
)
# The words that documents and queries are made of, by their English stems.
STEMS = {
    word: stem
    for stem, words in {
        "run": "run runs running", "citi": "city cities", "connect": "connect connected connection", "happi": "happy happiness",
        "fox": "fox foxes", "dog": "dog dogs", "quick": "quick quickly", "jump": "jump jumps jumped", "lazi": "lazy",
        "search": "search searches searching", "appl": "apple apples",
    }.items()
    for word in words.split()
}  # fmt: skip
SEPARATORS = set(" ,./(){}[]:;~!@#$%^&*-=+|'\"<>?`") | {chr(n) for n in range(32)}
EARTH = 6372797.560856
UNITS = {"m": 1.0, "km": 1000.0, "mi": 1609.34, "ft": 0.3048}
TYPES = {"FLOAT32": "<f4", "FLOAT64": "<f8", "FLOAT16": "<f2", "INT8": "i1", "UINT8": "u1"}
EXPANSIONS = 200


class Unfit(Exception):
    """A value that keeps its document out of the index."""


@dataclass
class Field:
    """One field of a schema. `many`: a JSON path that may yield several values."""

    name: str
    path: str
    type: str
    weight: float = 1
    nostem: bool = False
    separator: str = ","
    case: bool = False
    empty: bool = False
    missing: bool = False
    sortable: bool = False
    unf: bool = False
    noindex: bool = False
    many: bool = False
    flat: bool = False
    algorithm: str = ""
    data: str = ""
    dim: int = 0
    metric: str = ""


def packed(vector, data):
    """The bytes of a vector as a document holds them."""
    if data == "BFLOAT16":
        bits = np.asarray(vector, "<f4").view("<u4").astype("<u8")
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()  # to the nearest, ties to even
    return np.asarray(vector).astype(TYPES[data]).tobytes()


def unpacked(blob, data):
    """Its numbers as doubles."""
    if data == "BFLOAT16":
        return (np.frombuffer(blob, "<u2").astype("<u4") << 16).view("<f4").astype(float)
    return np.frombuffer(blob, TYPES[data]).astype(float)


def distance(a, b, metric):
    if metric == "L2":
        return float(((a - b) ** 2).sum())
    dot = float(a @ b)
    if metric == "IP":
        return 1 - dot
    norm = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return 1 - dot / norm if norm else 1.0


def metres(a, b):
    (lon1, lat1), (lon2, lat2) = ([math.radians(x) for x in point] for point in (a, b))
    u, v = math.sin((lat2 - lat1) / 2), math.sin((lon2 - lon1) / 2)
    return 2 * EARTH * math.asin(math.sqrt(u * u + math.cos(lat1) * math.cos(lat2) * v * v))


def tokens(text):
    """The words of a text, lower-cased, stop words left out."""
    words, word, at = [], "", 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
            word += text[at : at + 1]
        elif text[at] in SEPARATORS:
            words, word = [*words, word], ""
        else:
            word += text[at]
        at += 1
    return [w.lower() for w in [*words, word] if w and w.lower() not in STOP_WORDS]


def parsed_number(text):
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf", text):
        raise Unfit(text)
    return float(text)


def parsed_point(text):
    found = re.fullmatch(r"(-?[\d.]+)[, ] ?(-?[\d.]+)", text) if isinstance(text, str) else None
    if not found or abs(float(found[1])) > 180 or abs(float(found[2])) > 85.05112878:
        raise Unfit(text)
    return float(found[1]), float(found[2])


@dataclass
class Entry:
    """What the index knows of one document."""

    score: float = 1
    present: set = field(default_factory=set)
    tags: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)
    shapes: dict = field(default_factory=dict)
    vectors: dict = field(default_factory=dict)
    empty: set = field(default_factory=set)
    words: dict = field(default_factory=dict)  # {field: {("w" or "s", word): [positions]}}
    length: int = 0

    @functools.cached_property
    def terms(self):
        return {term for words in self.words.values() for term in words}


def values(field, document, on):
    """All values of a field, None for a field that is not there."""
    if on == "HASH":
        return [document[field.path]] if field.path in document else None
    name = re.match(r"\$\.(\w+)", field.path)[1]
    if document.get(name) is None:
        return None
    found = document[name]
    if not field.many:
        return [found]
    found = list(found.values()) if isinstance(found, dict) else found
    return list(found) if isinstance(found, list) and found else None


def strings(found, on):
    """The strings among JSON values, arrays opened."""
    flat = [x for value in found for x in (value if isinstance(value, list) else [value])]
    flat = [x for x in flat if x is not None]
    if any(not isinstance(x, str) for x in flat):
        raise Unfit(found)
    return flat


class Index:
    """An index and the documents of one database: {key: document}; a hash is {name: str or bytes}, JSON is a dict."""

    def __init__(self, on, prefixes, fields, score=1.0, score_field=None):
        self.on, self.prefixes, self.fields, self.score, self.score_field = on, prefixes, fields, score, score_field
        self.entries = {}

    def named(self, name):
        return next(f for f in self.fields if f.name == name)

    def of_type(self, kind, indexed=True):
        return [f for f in self.fields if f.type == kind and not (indexed and f.noindex)]

    def refresh(self, documents):
        """Reads all documents again."""
        self.documents = {k: d for k, d in documents.items() if any(k.startswith(p) for p in self.prefixes)}
        self.entries = {}
        for key, document in self.documents.items():
            try:
                self.entries[key] = self.read(document)
            except Unfit:
                pass
        self.keys = set(self.entries)
        lengths = [entry.length for entry in self.entries.values()]
        self.average = sum(lengths) / len(lengths) if lengths else 0
        self.frequency = {}
        for entry in self.entries.values():
            for term in entry.terms:
                self.frequency[term] = self.frequency.get(term, 0) + 1

    def read(self, document):
        entry = Entry(score=self.score)
        if self.score_field and self.on == "HASH":
            try:
                entry.score = parsed_number(document.get(self.score_field, "x"))
            except Unfit:
                pass
        for f in self.fields:
            found = values(f, document, self.on)
            if found is None:
                continue
            entry.present.add(f.name)
            getattr(self, "read_" + f.type.lower())(f, found, entry)
        return entry

    def read_text(self, f, found, entry):
        words, at = {}, 0
        for n, text in enumerate(strings(found, self.on)):
            at += 100 if n else 0
            if text == "" and f.empty:
                entry.empty.add(f.name)
            for word in tokens(text):
                at += 1
                words.setdefault(("w", word), []).append(at)
                stem = STEMS.get(word, word)
                if not f.nostem and len(word.encode()) >= 4 and stem != word:
                    words.setdefault(("s", stem), []).append(at)
                entry.length += max(1, int(f.weight)) if not f.noindex else 0
        if not f.noindex:
            entry.words[f.name] = words

    def read_tag(self, f, found, entry):
        if self.on == "HASH":
            parts = [part.strip() for part in found[0].split(f.separator)]
        else:
            flat = [x for value in found for x in (value if isinstance(value, list) else [value])]
            parts = strings([str(x).lower() if isinstance(x, bool) else x for x in flat if x is not None], self.on)
            if f.separator:
                parts = [part.strip() for text in parts for part in text.split(f.separator)]
        parts = [part for part in parts if part or f.empty]
        entry.tags[f.name] = set() if f.noindex else {part if f.case else part.lower() for part in parts}

    def read_numeric(self, f, found, entry):
        if self.on == "HASH":
            numbers = [parsed_number(found[0])]
        else:
            numbers = [x for value in found for x in (value if isinstance(value, list) else [value]) if x is not None]
            if any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in numbers):
                raise Unfit(found)
        entry.numbers[f.name] = [] if f.noindex else numbers

    def read_geo(self, f, found, entry):
        points = [parsed_point(text) for text in (found if self.on == "HASH" else strings(found, self.on))]
        entry.points[f.name] = [] if f.noindex else points

    def read_geoshape(self, f, found, entry):
        try:
            shapes = [shapely.from_wkt(text) for text in (found if self.on == "HASH" else strings(found, self.on))]
        except shapely.errors.ShapelyError:
            raise Unfit(found) from None
        entry.shapes[f.name] = [] if f.noindex else shapes

    def read_vector(self, f, found, entry):
        if self.on == "HASH":
            if not isinstance(found[0], bytes) or len(found[0]) != len(packed(np.zeros(f.dim), f.data)):
                raise Unfit(found)
            vectors = [unpacked(found[0], f.data)]
        else:
            found = [v for v in found if v is not None]
            if any(not isinstance(v, list) or len(v) != f.dim or any(not isinstance(x, (int, float)) for x in v) for v in found):
                raise Unfit(found)
            vectors = [unpacked(packed(v, f.data), f.data) for v in found]
        if not all(np.isfinite(v).all() for v in vectors):
            raise Unfit(found)
        entry.vectors[f.name] = vectors

    def sort_value(self, key, f):
        """A number or bytes; None if the document has none."""
        found = values(f, self.documents[key], self.on)
        while isinstance(found, list):
            found = found[0] if found else None
        if found is None:
            return None
        if f.type == "NUMERIC":
            return float(found)
        text = str(found).lower() if isinstance(found, bool) else found
        folded = f.sortable and not f.unf and not f.case and self.on == "HASH"
        return (text.lower() if folded else text).encode()


def levenshtein(a, b):
    row = range(len(b) + 1)
    for i, x in enumerate(a, 1):
        last, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, last[j] + 1, last[j - 1] + (x != y)))
    return row[-1]


def pattern(text):
    """A wildcard as a regular expression."""
    parts, at = "", 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            parts += re.escape(text[at])
        else:
            parts += {"?": ".", "*": ".*"}.get(text[at], re.escape(text[at]))
        at += 1
    return re.compile(parts, re.DOTALL)


def fits(kind, operand, word):
    """Whether an affix, wildcard or fuzzy word matches."""
    if kind in ("prefix", "suffix", "infix") and len(operand.encode()) < 2:
        return False
    if kind == "fuzzy":
        return levenshtein(operand[1], word) <= operand[0]
    if kind == "wildcard":
        return pattern(operand).fullmatch(word) is not None
    return {"prefix": word.startswith, "suffix": word.endswith, "infix": word.__contains__, "is": word.__eq__}[kind](operand)


class Evaluation:
    """One query over an index. `find(tree)` is {key: score under BM25STD}; then `yielded` tells distances of range clauses."""

    def __init__(self, index, verbatim=False, in_fields=None, slop=None, in_order=False):
        self.index, self.verbatim, self.in_fields, self.slop, self.in_order = index, verbatim, in_fields, slop, in_order
        self.found, self.near = {}, {}

    def find(self, tree):
        found = getattr(self, "find_" + tree["kind"])(tree)
        self.found[id(tree)] = found
        return {key: score * tree.get("weight", 1) for key, score in found.items()}

    def yielded(self, tree, key):
        """{name: distance} of the range clauses by which a document that matches was found."""
        if tree["kind"] == "not" or key not in self.found[id(tree)]:
            return {}
        own = {tree["yields"]: self.near[id(tree)][key]} if tree.get("yields") else {}
        kids = [*tree.get("kids", []), *([tree["kid"]] if "kid" in tree else [])]
        # The words of a group with slop are not separate trees.
        return {**own, **{n: d for kid in kids if id(kid) in self.found for n, d in self.yielded(kid, key).items()}}

    def leaf(self, key, frequency, holding, idf=None):
        """The score of one term in a document: how often it stands there, how many documents hold it."""
        index, n = self.index, max(len(self.index.entries), holding)
        ratio = index.entries[key].length / index.average if index.average else 1
        idf = math.log(1 + (n - holding + 0.5) / (holding + 0.5)) if idf is None else idf
        k = 1.2000000476837158  # a 32-bit float
        return idf * frequency * (k + 1) / (frequency + k * (0.25 + 0.75 * ratio))

    def admissible(self, fields):
        own = self.index.of_type("TEXT")
        chosen = [f for f in own if fields is None or f.name in fields]
        return [f for f in chosen if self.in_fields is None or f.name in self.in_fields]

    def parts(self, tree):
        """What a word stands for: terms, each with the fields it may be in."""
        fields, word = self.admissible(tree.get("fields")), tree["word"].lower()
        stemmed = [f for f in fields if not f.nostem]
        parts = [(("w", word), fields)]
        if not self.verbatim and stemmed and not re.fullmatch(r"[\d.]+", word):
            stem = STEMS.get(word, word)
            parts += [(("s", stem), stemmed)] + ([(("w", stem), stemmed)] if stem != word else [])
        return parts

    def term(self, key, term, fields):
        """The score of a term in a document, None if it is not there."""
        words, frequency = self.index.entries[key].words, 0
        for f in fields:
            each = max(1, int(f.weight * (0.2 if term[0] == "s" else 1)))
            frequency += each * len(words.get(f.name, {}).get(term, ()))
        return self.leaf(key, frequency, self.index.frequency[term]) if frequency else None

    def sums(self, judge):
        """{key: score} of the documents for which there is one."""
        judged = ((key, judge(key)) for key in self.index.keys)
        return {key: score for key, score in judged if score is not None}

    def find_all(self, tree):
        return self.sums(lambda key: self.leaf(key, 1, 0, idf=1))

    def find_word(self, tree):
        parts = self.parts(tree)

        def judge(key):
            scores = [s for s in (self.term(key, *part) for part in parts) if s is not None]
            return sum(scores) if scores else None

        return self.sums(judge)

    def find_phrase(self, tree):
        words, fields = [w for text in tree["words"] for w in tokens(text)], self.admissible(tree.get("fields"))
        if not words:
            return {}
        if len(words) == 1:
            return self.sums(lambda key: self.term(key, ("w", words[0]), fields))

        def judge(key):
            held = [self.index.entries[key].words.get(f.name, {}) for f in fields]
            if not any(self.in_row([in_field.get(("w", w), []) for w in words], 0, True) for in_field in held):
                return None
            return sum(self.term(key, ("w", w), fields) for w in words)

        return self.sums(judge)

    def in_row(self, lists, slop, in_order):
        """Whether positions, one of each list and all different, are near enough to each other."""
        for chosen in itertools.product(*lists):
            if len(set(chosen)) < len(chosen) or (in_order and list(chosen) != sorted(chosen)):
                continue
            if slop is None or max(chosen) - min(chosen) - (len(chosen) - 1) <= slop:
                return True
        return False

    def find_affix(self, tree):
        how, fields = tree["how"], self.admissible(tree.get("fields"))
        operand = tree["operand"] if how == "fuzzy" else tree["operand"].lower()
        terms = {term for term in self.index.frequency if term[0] == "w" and fits(how, operand, term[1])}

        def judge(key):
            entry = self.index.entries[key]
            scores = [self.term(key, term, fields) for term in terms & entry.terms]
            return max((s for s in scores if s is not None), default=None)

        return self.sums(judge)

    def find_empty(self, tree):
        fields = {f.name for f in self.admissible(tree.get("fields"))}
        return {key: 0 for key, entry in self.index.entries.items() if entry.empty & fields}

    def find_and(self, tree):
        found = [self.find(kid) for kid in tree["kids"]]
        keys = set.intersection(*map(set, found))
        slop, in_order = tree.get("slop", self.slop), tree.get("in_order", False) or self.in_order
        if (slop is not None or in_order) and len(tree["kids"]) > 1:
            keys = {key for key in keys if self.close(key, tree["kids"], slop, in_order)}
        return {key: sum(kid[key] for kid in found) for key in keys}

    def close(self, key, kids, slop, in_order):
        """Only words have positions here."""
        kids = [self.parts(kid) for kid in kids if kid["kind"] == "word"]
        for name, words in self.index.entries[key].words.items():
            lists = []
            for parts in kids:
                terms = [term for term, fields in parts if any(f.name == name for f in fields)]
                lists.append(sorted({at for term in terms for at in words.get(term, ())}))
            if self.in_row(lists, slop, in_order):
                return True
        return len(kids) < 2

    def find_or(self, tree):
        found = [self.find(kid) for kid in tree["kids"]]
        return {key: sum(kid[key] for kid in found if key in kid) for key in set().union(*found)}

    def find_not(self, tree):
        return dict.fromkeys(self.index.keys - set(self.find(tree["kid"])), 0)

    def find_optional(self, tree):
        return {**dict.fromkeys(self.index.keys, 0), **self.find(tree["kid"])}

    def find_tag(self, tree):
        f = self.index.named(tree["field"])
        fold = (lambda s: s) if f.case else str.lower
        held = {key: entry.tags.get(f.name, set()) for key, entry in self.index.entries.items()}

        def judge(key):
            scores = []
            for how, operand in tree["values"]:
                matching = [tag for tag in held[key] if fits(how, fold(operand), tag)]
                each = [self.leaf(key, 1, sum(tag in tags for tags in held.values())) for tag in matching]
                scores += each
            return sum(scores) if scores else None

        return self.sums(judge)

    def find_numeric(self, tree):
        def inside(n):
            low = n > tree["low"] if tree.get("low_open") else n >= tree["low"]
            return low and (n < tree["high"] if tree.get("high_open") else n <= tree["high"])

        entries = self.index.entries.items()
        return {key: 0 for key, entry in entries if any(map(inside, entry.numbers.get(tree["field"], ())))}

    def find_geo(self, tree):
        radius = tree["radius"] * UNITS[tree["unit"].lower()]
        near = lambda point: metres(point, tree["at"]) <= radius
        return {key: 0 for key, entry in self.index.entries.items() if any(map(near, entry.points.get(tree["field"], ())))}

    def find_geoshape(self, tree):
        asked = shapely.from_wkt(tree["shape"])
        judge = {
            "WITHIN": lambda shapes: all(shape.within(asked) for shape in shapes),
            "CONTAINS": lambda shapes: any(shape.contains(asked) for shape in shapes),
            "INTERSECTS": lambda shapes: any(shape.intersects(asked) for shape in shapes),
            "DISJOINT": lambda shapes: all(shape.disjoint(asked) for shape in shapes),
        }[tree["predicate"]]
        held = {key: entry.shapes.get(tree["field"]) for key, entry in self.index.entries.items()}
        return {key: 0 for key, shapes in held.items() if shapes and judge(shapes)}

    def find_missing(self, tree):
        return {key: 0 for key, entry in self.index.entries.items() if tree["field"] not in entry.present}

    def measured(self, name, query):
        """{key: distance} of all documents that have vectors."""
        f = self.index.named(name)
        held = {key: entry.vectors[name] for key, entry in self.index.entries.items() if entry.vectors.get(name)}
        return {key: min(distance(v, query, f.metric) for v in vectors) for key, vectors in held.items()}

    def find_range(self, tree):
        near = {k: d for k, d in self.measured(tree["field"], tree["vector"]).items() if d <= tree["radius"]}
        self.near[id(tree)] = near
        return dict.fromkeys(near, 0)
