"""What all parts share: the definition of the index, the shards, the documents and the embedders."""

import pathlib
import re
import sys
import tomllib
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "play")]  # the model, WordNet


class Definition:
    """index.toml, and its words for FT.CREATE."""

    def __init__(self, path=HERE / "index.toml", **changes):
        parts = tomllib.loads(pathlib.Path(path).read_text())
        self.alias, self.prefix, self.fields = parts["alias"], parts["prefix"], parts["fields"]
        self.vector = parts["vector"] | changes

    def version(self, number):
        return f"{self.alias}:v{number}"

    def number(self, name):
        """The number of a version's name, none for other names."""
        found = re.fullmatch(re.escape(self.alias) + r":v(\d+)", name)
        return int(found[1]) if found else None

    def create(self, name):
        words = ["FT.CREATE", name, "ON", "HASH", "PREFIX", 1, self.prefix, "SCHEMA"]
        for field, kind in self.fields.items():
            words += [field, *kind.split()]
        v = self.vector
        attributes = ["TYPE", v["type"], "DIM", v["dim"], "DISTANCE_METRIC", v["metric"]]
        attributes += [word for pair in v["options"].items() for word in pair]
        return [*words, v["field"], "VECTOR", v["algorithm"], len(attributes), *attributes]


def shard_of(identifier, count):
    """Which shard holds a document: the same for all programs and at all times."""
    return zlib.crc32(identifier.encode()) % count


def texts(limit):
    """Documents for a try: the meanings of WordNet, as identifier, text to embed, and fields."""
    from wordnet import meanings

    for name, text, attributes in zip(*meanings(limit)):
        fields = {"text": text, "pos": attributes["pos"], "words": attributes["words"]}
        yield name, text, fields | ({"topic": attributes["topic"]} if "topic" in attributes else {})


class Stub:
    """An embedder without a model, for tests: texts that share words are near."""

    def embed(self, texts):
        vectors = np.zeros((len(texts), 384), "<f4")
        for vector, text in zip(vectors, texts):
            for word in re.findall(r"\w+", text.lower()):
                rng = np.random.default_rng(zlib.crc32(word.encode()))
                vector += rng.normal(size=384)
            vector /= np.linalg.norm(vector) or 1
        return vectors


def embedder(name):
    if name == "stub":
        return Stub()
    from sentences import Model

    return Model(threads=2)


def add_arguments(parser):
    parser.add_argument("--shards", default="redis://127.0.0.1:6379", help="addresses of the servers, by commas")
    parser.add_argument("--embedder", choices=("minilm", "stub"), default="minilm")
