"""Random schemas, documents and queries. A query is made as a tree (see search_naive.py) and its text beside it."""

import json
import re

import numpy as np

from search_naive import STEMS, Field, metres, packed, unpacked

WORDS = [*sorted(STEMS), "hello", "world", "red", "blue", "foo_bar", "été", "2024", "7", "x1"]
NOISE = [" ", " ", " ", " ", ", ", ". ", " the ", " of ", "-", "\n", "! "]
TAGS = ["red", "Blue", "new york", "a-b", "Été", "foo_bar", "50% off", "x.y", "q:r", "{b}", "$5", "science", "nation", "7", "it's"]
STEPS = ("FLAT", "HNSW")
DATA = ["FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16", "INT8", "UINT8"]
METRICS = ["L2", "IP", "COSINE"]


def escaped(text):
    return re.sub(r"([^\w])", lambda m: "\\" + m[1] if ord(m[1]) < 128 else m[1], text)


def schema(rng, on):
    """Fields of every type."""
    maybe = lambda share=0.5: rng.random() < share
    own = lambda name, many=False: name if on == "HASH" else f"$.{name}" + ("[*]" if many else "")
    fields = []
    for n in range(rng.randint(1, 3)):
        name, many = f"t{n}", on == "JSON" and maybe(0.3)
        sortable = maybe(0.3) and not many
        fields.append(Field(name, own(name, many), "TEXT", weight=rng.choice([1, 1, 2, 5.5]), nostem=maybe(0.3), empty=maybe(0.3),
                            missing=maybe(), sortable=sortable, unf=sortable and maybe(), many=many))  # fmt: skip
    for n in range(rng.randint(1, 3)):
        name, many = f"g{n}", on == "JSON" and maybe(0.3)
        separator = rng.choice([",", ",", ";", "|"]) if on == "HASH" else rng.choice(["", "", ";"])
        sortable = maybe(0.3) and not many
        fields.append(Field(name, own(name, many), "TAG", separator=separator, case=maybe(0.3), empty=maybe(0.3), missing=maybe(),
                            sortable=sortable, unf=sortable and maybe(), many=many))  # fmt: skip
    for n in range(rng.randint(1, 3)):
        name, many = f"n{n}", on == "JSON" and maybe(0.3)
        fields.append(Field(name, own(name, many), "NUMERIC", missing=maybe(), sortable=maybe() and not many, many=many))
    fields.append(Field("p", own("p"), "GEO", missing=maybe()))
    fields.append(Field("o", own("o"), "GEOSHAPE", missing=maybe(), flat=maybe()))
    for n in range(rng.randint(1, 2)):
        name, many, data = f"v{n}", on == "JSON" and maybe(0.3), rng.choice(DATA)
        fields.append(Field(name, own(name, many), "VECTOR", missing=maybe(), many=many, algorithm=rng.choice(STEPS), data=data,
                            dim=rng.randint(1, 9), metric=rng.choice(METRICS)))  # fmt: skip
    if maybe(0.3):
        fields.append(Field("z", own("z"), "NUMERIC", sortable=True, noindex=True))
    return fields


def definition(field):
    """The words of a field in FT.CREATE."""
    words = [field.path, *(["AS", field.name] if field.path != field.name else []), field.type]
    if field.type == "TEXT":
        words += [*(["NOSTEM"] if field.nostem else []), "WEIGHT", field.weight]
    if field.type == "TAG":
        words += [*(["SEPARATOR", field.separator] if field.separator else []), *(["CASESENSITIVE"] if field.case else [])]
    if field.type == "VECTOR":
        words += [field.algorithm, 6, "TYPE", field.data, "DIM", field.dim, "DISTANCE_METRIC", field.metric]
    if field.type == "GEOSHAPE":
        words += ["FLAT"] if field.flat else ["SPHERICAL"]
    words += [*(["INDEXEMPTY"] if field.empty else []), *(["INDEXMISSING"] if field.missing else [])]
    words += [*(["SORTABLE"] if field.sortable else []), *(["UNF"] if field.unf else []), *(["NOINDEX"] if field.noindex else [])]
    return words


def outline(rng):
    """A point, a rectangle, one with a hole, or a triangle, of whole coordinates: many share parts of their borders."""
    low, high = sorted(rng.sample(range(10), 2))
    west, east = sorted(rng.sample(range(10), 2))
    box = lambda w, s, e, n: f"({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s})"
    kind = rng.choice(["point", "box", "box", "hole", "triangle"])
    if kind == "point":
        return f"POINT ({west} {low})"
    if kind == "hole" and east - west > 2 and high - low > 2:
        return f"POLYGON ({box(west, low, east, high)}, {box(west + 1, low + 1, east - 1, high - 1)})"
    if kind == "triangle":
        return f"POLYGON (({west} {low}, {east} {low}, {rng.randrange(10)} {high}, {west} {low}))"
    return f"POLYGON ({box(west, low, east, high)})"


class Documents:
    """Random documents of a schema."""

    def __init__(self, rng, on, fields, arrays=True):
        self.rng, self.on, self.fields, self.arrays = rng, on, fields, arrays and on == "JSON"
        self.numpy = np.random.default_rng(rng.randrange(1 << 30))

    def document(self):
        made = {}
        for f in self.fields:
            if self.rng.random() < 0.8:
                made[re.sub(r"\W", "", f.path)] = self.value(f)
        made["other"] = self.rng.choice(["x", "y"])
        return made

    def value(self, f):
        if self.rng.random() < 0.01:
            return self.bad(f)
        make = getattr(self, f.type.lower())
        several = f.many or (self.arrays and f.type != "VECTOR" and self.rng.random() < 0.15)
        return [make(f) for _ in range(self.rng.randint(1, 3))] if several else make(f)

    def bad(self, f):
        if f.type in ("TEXT", "TAG"):
            return "" if self.on == "HASH" else {"a": 1}
        if f.type == "VECTOR":
            return b"?" * 100 if self.on == "HASH" else {"a": 1}
        return self.rng.choice(["abc", "", "200,3", "1 2 3"])

    def text(self, _field):
        return "".join(self.rng.choice(WORDS).title() + self.rng.choice(NOISE) for _ in range(self.rng.randint(0, 8)))

    def tag(self, f):
        if self.on == "JSON" and self.rng.random() < 0.1:
            return self.rng.random() < 0.5
        separator = f.separator or ","
        glue = [separator, f" {separator} "]
        return self.rng.choice(glue).join(self.rng.choice(TAGS) for _ in range(self.rng.randint(0 if self.rng.random() < 0.1 else 1, 3)))

    def numeric(self, _field):
        number = self.rng.choice([self.rng.randint(-20, 20), self.rng.randint(-80, 80) / 4, self.rng.randint(-5, 5)])
        return number if self.on == "JSON" else f"{number:g}"

    def geo(self, _field):
        return f"{self.rng.uniform(-180, 180):.4f}{self.rng.choice([',', ' '])}{self.rng.uniform(-85, 85):.4f}"

    def geoshape(self, _field):
        return outline(self.rng)

    def vector(self, f):
        numbers = self.components(f)
        return packed(numbers, f.data) if self.on == "HASH" else numbers.tolist()

    def components(self, f):
        if f.data == "INT8":
            return self.numpy.integers(-128, 128, f.dim)
        if f.data == "UINT8":
            return self.numpy.integers(0, 256, f.dim)
        return np.round(self.numpy.standard_normal(f.dim), 3)


class Queries:
    """Random queries over what an index holds now. Each is {"text", "tree", "params"}; a parameter stands wherever one may."""

    def __init__(self, rng, index, documents):
        self.rng, self.index, self.documents = rng, index, documents
        self.params = {}

    def query(self):
        self.params = {}
        tree = {"kind": "all"} if self.rng.random() < 0.08 else self.tree(self.rng.randint(0, 3))
        text = "*" if tree["kind"] == "all" else tree["text"]
        knn = self.knn() if self.rng.random() < 0.3 else None
        if knn:
            text = f"{text if text == '*' else '(' + text + ')'}=>{knn['text']}"
        return {"text": text, "tree": tree, "knn": knn, "params": self.params}

    def param(self, value, share=0.2):
        """The value, or the name of a parameter that holds it."""
        if self.rng.random() >= share:
            return None
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    def knn(self):
        f = self.rng.choice(self.index.of_type("VECTOR"))
        k = self.rng.choice([0, 1, 3, 10, 10, 50, 1000])
        name = self.rng.choice([f"__{f.name}_score", "near"])
        as_name = f" AS {name}" if name == "near" else ""
        options = " EF_RUNTIME 2000" if f.algorithm == "HNSW" else ""
        vector, blob = self.blob(f)
        text = f"[KNN {self.param(k) or k} @{f.name} {blob}{options}{as_name}]"
        return {"field": f.name, "k": k, "vector": vector, "name": name, "text": text}

    def blob(self, f):
        numbers = self.documents.components(f)
        if self.rng.random() < 0.05:
            numbers = np.zeros(f.dim)
        data = packed(numbers, f.data)
        return unpacked(data, f.data), self.param(data, 1)

    def tree(self, depth):
        kinds = ["word", "word", "phrase", "affix", "tag", "tag", "numeric", "numeric", "geo", "geoshape", "geoshape", "missing", "range", "slop"]
        if depth > 0:
            kinds = ["both", "both", "both", "either", "either", "negated", "negated", "optional", "weighted", *kinds[:8]]
        return getattr(self, "make_" + self.rng.choice(kinds))(depth)

    def unit(self, depth):
        """A tree whose text binds as one."""
        tree = self.tree(depth)
        bound = tree["kind"] in ("and", "or", "not", "optional") or tree.get("loose")
        return {**tree, "text": f"({tree['text']})"} if bound else tree

    def make_both(self, depth):
        kids = [self.unit(depth - 1) for _ in range(self.rng.randint(2, 3))]
        words = [kid["text"] for kid in kids]
        if self.rng.random() < 0.1:
            words.insert(self.rng.randrange(len(words)), "the")
        return {"kind": "and", "kids": kids, "text": " ".join(words)}

    def make_either(self, depth):
        kids = [self.unit(depth - 1) for _ in range(self.rng.randint(2, 3))]
        return {"kind": "or", "kids": kids, "text": self.rng.choice(["|", " | "]).join(kid["text"] for kid in kids)}

    def make_negated(self, depth):
        kid = self.unit(depth - 1)
        sign = "- " if kid["text"][0].isdigit() else "-"  # a number would take it as its own
        return {"kind": "not", "kid": kid, "text": sign + kid["text"]}

    def make_optional(self, depth):
        kid = self.unit(depth - 1)
        return {"kind": "optional", "kid": kid, "text": "~" + kid["text"]}

    def make_weighted(self, depth):
        weight, kid = self.rng.choice([0.5, 2, 3]), self.tree(0)
        while kid["kind"] in ("range", "missing") or kid.get("attributes"):
            kid = self.tree(0)
        text = f"({kid['text']})=>{{$weight: {weight};}}"
        return {"kind": "or", "kids": [kid], "weight": weight, "text": text, "loose": False, "attributes": True}

    def fields(self):
        """None, or some TEXT fields and how they are written."""
        if self.rng.random() < 0.5:
            return None, ""
        names = self.rng.sample([f.name for f in self.index.of_type("TEXT")], self.rng.randint(1, len(self.index.of_type("TEXT"))))
        return names, f"@{'|'.join(names)}:"

    def cased(self, word):
        return self.rng.choice([word, word, word.title()])

    def make_word(self, _depth):
        fields, modifier = self.fields()
        word = self.rng.choice(WORDS)
        return {"kind": "word", "word": word, "fields": fields, "text": modifier + (self.param(word) or escaped(self.cased(word)))}

    def make_phrase(self, _depth):
        fields, modifier = self.fields()
        words = [self.rng.choice(WORDS) for _ in range(self.rng.randint(1, 3))]
        return {"kind": "phrase", "words": words, "fields": fields, "text": f'{modifier}"{" ".join(map(self.cased, words))}"'}

    def make_slop(self, _depth):
        fields, modifier = self.fields()
        if any(f.many for f in self.index.of_type("TEXT")):
            return self.make_word(0)
        words = [self.rng.choice(WORDS) for _ in range(self.rng.randint(2, 3))]
        kids = [{"kind": "word", "word": word, "fields": fields} for word in words]
        slop, in_order = self.rng.randint(0, 4), self.rng.random() < 0.5
        text = f"{modifier}({' '.join(words)})=>{{$slop: {slop}; $inorder: {str(in_order).lower()}}}"
        return {"kind": "and", "kids": kids, "slop": slop, "in_order": in_order, "text": text, "attributes": True}

    def make_affix(self, _depth):
        fields, modifier = self.fields()
        word = self.rng.choice(WORDS)
        how = self.rng.choice(["prefix", "suffix", "infix", "fuzzy", "wildcard"])
        start = self.rng.randrange(len(word))
        part = word[start : start + self.rng.randint(1, 4)]
        operand, text = part, escaped(part)
        if how == "fuzzy":
            far = self.rng.randint(1, 3)
            operand, text = (far, word[:2] + word[3:]), "%" * far + escaped(word[:2] + word[3:]) + "%" * far
            if re.fullmatch(r"\d*", operand[1]):
                return self.make_word(0)
        elif how == "wildcard":
            operand = self.rng.choice([word[:1] + "*", "?" + word[1:], "*" + word[1:2] + "*" + word[2:3] + "*", word])
            text = f"w'{operand}'"
        else:
            text = {"prefix": text + "*", "suffix": "*" + text, "infix": f"*{text}*"}[how]
        return {"kind": "affix", "how": how, "operand": operand, "fields": fields, "text": modifier + text}

    def make_tag(self, _depth):
        f = self.rng.choice(self.index.of_type("TAG"))
        alternatives = [self.alternative() for _ in range(self.rng.randint(1, 3))]
        if f.empty and self.rng.random() < 0.1:
            alternatives.append((("is", ""), '""'))
        text = "|".join(text for _, text in alternatives)
        return {"kind": "tag", "field": f.name, "values": [value for value, _ in alternatives], "text": f"@{f.name}:{{{text}}}"}

    def alternative(self):
        tag = self.rng.choice(TAGS)
        how = self.rng.choice(["is", "is", "is", "is", "prefix", "suffix", "infix", "wildcard"])
        if how == "is":
            quoted = f'"{tag}"'
            return ("is", tag), self.param(tag) or self.rng.choice([escaped(tag), quoted])
        part = tag[self.rng.randrange(len(tag)) :][:3].strip() or tag
        if how == "wildcard":
            return ("wildcard", "*" + part + "?"), "w'" + ("*" + part + "?").replace("'", "\\'") + "'"
        text = escaped(part)
        return (how, part), {"prefix": text + "*", "suffix": "*" + text, "infix": f"*{text}*"}[how]

    def make_numeric(self, _depth):
        f = self.rng.choice(self.index.of_type("NUMERIC"))
        low, high = sorted(self.rng.choice([self.rng.randint(-20, 20), self.rng.randint(-80, 80) / 4]) for _ in "ab")
        if self.rng.random() < 0.3:
            return self.comparison(f, low)
        low = float("-inf") if self.rng.random() < 0.2 else low
        high = float("inf") if self.rng.random() < 0.2 else high
        opens = [self.rng.random() < 0.3 for _ in "ab"]
        bounds = [("(" if is_open else "") + (self.param(value) or f"{value:g}") for value, is_open in zip((low, high), opens)]
        tree = {"kind": "numeric", "field": f.name, "low": low, "high": high, "low_open": opens[0], "high_open": opens[1]}
        return {**tree, "text": f"@{f.name}:[{' '.join(bounds)}]"}

    def comparison(self, f, value):
        sign = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
        inf, text = float("inf"), f"@{f.name}{self.rng.choice(['', ' '])}{sign} {value:g}"
        low, high = {"<": (-inf, value), "<=": (-inf, value), ">": (value, inf), ">=": (value, inf)}.get(sign, (value, value))
        tree = {"kind": "numeric", "field": f.name, "low": low, "high": high, "low_open": sign == ">", "high_open": sign == "<"}
        return {"kind": "not", "kid": tree, "text": text} if sign == "!=" else {**tree, "text": text}

    def between(self, numbers, least):
        """A number well between two neighbours."""
        numbers = sorted(set(numbers))
        gaps = [(a + b) / 2 for a, b in zip(numbers, numbers[1:]) if b - a > least * max(1, abs(a))]
        return self.rng.choice(gaps) if gaps else (numbers[-1] + 1 if numbers else 1)

    def make_geo(self, _depth):
        at = (round(self.rng.uniform(-180, 180), 3), round(self.rng.uniform(-85, 85), 3))
        points = [p for entry in self.index.entries.values() for p in entry.points.get("p", ())]
        unit = self.rng.choice(["m", "km", "mi", "FT"])
        metre = {"m": 1, "km": 1000, "mi": 1609.34, "FT": 0.3048}[unit]
        radius = self.between([metres(p, at) for p in points], 1e-6) / metre
        parts = [self.param(part) or part for part in (*at, radius, unit)]
        tree = {"kind": "geo", "field": "p", "at": at, "radius": radius, "unit": unit}
        return {**tree, "text": f"@p:[{' '.join(map(str, parts))}]"}

    def make_geoshape(self, _depth):
        shape, predicate = outline(self.rng), self.rng.choice(["WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"])
        text = f"@o:[{self.rng.choice([predicate, predicate.lower()])} {self.param(shape, 1)}]"
        return {"kind": "geoshape", "field": "o", "predicate": predicate, "shape": shape, "text": text}

    def make_missing(self, _depth):
        fields = [f.name for f in self.index.fields if f.missing]
        if not fields:
            return self.make_numeric(0)
        name = self.rng.choice(fields)
        return {"kind": "missing", "field": name, "text": f"ismissing(@{name})"}

    def make_range(self, _depth):
        from search_naive import Evaluation

        f = self.rng.choice(self.index.of_type("VECTOR"))
        vector, blob = self.blob(f)
        distances = list(Evaluation(self.index).measured(f.name, vector).values())
        radius = max(0.0, self.between(distances, 1e-3))
        name = f"far{len(self.params)}" if self.rng.random() < 0.6 else None
        text = f"@{f.name}:[VECTOR_RANGE {self.param(radius) or repr(radius)} {blob}]"
        text += f"=>{{$YIELD_DISTANCE_AS: {name}}}" if name else ""
        return {"kind": "range", "field": f.name, "radius": radius, "vector": vector, "yields": name, "text": text, "attributes": True}


def written(key, document, on):
    """The command that writes a document."""
    if on == "JSON":
        return ("JSON.SET", key, "$", json.dumps(document))
    return ("HSET", key, *[part for item in document.items() for part in item])
