"""Other libraries, led line by line as core.rs is: python libraries.py NAME VECTORS.f32 DIMS COUNT

All link with M 16 and efConstruction 200, by one thread, and rank by cosine similarity; the vectors have length 1.
A search asks all queries in one call, so that Python has no part in its time.
"""

import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np


class Hnswlib:
    def __init__(self, dims, count):
        import hnswlib

        self.index = hnswlib.Index("cosine", dims)
        self.index.init_index(count, ef_construction=200, M=16)
        self.index.set_num_threads(1)

    def add(self, ids, vectors):
        self.index.add_items(vectors, ids)

    def search(self, queries, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, 10)[0]


class Usearch:
    def __init__(self, dims, count, metric="cos", dtype="f32"):
        from usearch.index import Index

        self.index = Index(ndim=dims, metric=metric, dtype=dtype, connectivity=16, expansion_add=200)

    def add(self, ids, vectors):
        self.index.add(ids, vectors, threads=1)

    def search(self, queries, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, 10, threads=1).keys


class UsearchI8(Usearch):
    def __init__(self, dims, count):
        super().__init__(dims, count, dtype="i8")


class UsearchBits(Usearch):
    """The signs, compared by Hamming distance."""

    def __init__(self, dims, count):
        super().__init__(dims, count, "hamming", "b1")

    def add(self, ids, vectors):
        super().add(ids, np.packbits(vectors > 0, axis=1))

    def search(self, queries, ef):
        return super().search(np.packbits(queries > 0, axis=1), ef)


class Faiss:
    def __init__(self, dims, count):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = self.made(faiss, dims)
        self.index.hnsw.efConstruction = 200

    def made(self, faiss, dims):
        return faiss.IndexHNSWFlat(dims, 16, faiss.METRIC_INNER_PRODUCT)

    def add(self, ids, vectors):
        if not self.index.is_trained:
            self.index.train(vectors)
        self.index.add(vectors)

    def search(self, queries, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, 10)[1]


class FaissSQ8(Faiss):
    def made(self, faiss, dims):
        return faiss.IndexHNSWSQ(dims, faiss.ScalarQuantizer.QT_8bit, 16, faiss.METRIC_INNER_PRODUCT)


LIBRARIES = {
    "hnswlib": Hnswlib,
    "usearch-f32": Usearch,
    "usearch-i8": UsearchI8,
    "usearch-b1": UsearchBits,
    "faiss-f32": Faiss,
    "faiss-sq8": FaissSQ8,
}


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    name, path, dims, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    all_vectors = np.fromfile(path, "<f4").reshape(-1, dims)
    vectors, queries = all_vectors[:count], all_vectors[count:]
    LIBRARIES[name](dims, count)  # what is imported costs no time and no bytes of the index
    tell(ready=count)
    sys.stdin.readline()
    start = time.perf_counter()
    library = LIBRARIES[name](dims, count)
    part = max(1, count // 50)
    for at in range(0, count, part):
        rows = np.arange(at, min(at + part, count), dtype=np.uint64)
        library.add(rows, vectors[at : at + part])
        tell(done=int(rows[-1]) + 1)
    tell(seconds=time.perf_counter() - start)
    for line in sys.stdin:
        start = time.perf_counter()
        found = library.search(queries, int(line))
        seconds = time.perf_counter() - start
        tell(mean=seconds / len(queries) * 1e6, found=found.astype(int).tolist())


if __name__ == "__main__":
    main()
