#!/usr/bin/env python3
"""Memory of a vector set, estimated: within about a tenth of MEMORY USAGE from 20,000 elements on.

    python examples/sizing.py --elements 1000000 --dim 384 --encoding q8
"""

import argparse

BYTES = {"q8": 1, "f16": 2, "noquant": 4, "bin": 1 / 8}
# Fitted to measured sets: a link takes four bytes, and about M times 1.9 of them are in use; the rest is the node itself,
# its place in the tables of names, and what chunks of memory leave free.
PER_LINK, PER_ELEMENT = 7.5, 60


def element(dim, encoding="q8", m=16, name=10, attributes=0):
    """Bytes of one element; `name` and `attributes` are the mean lengths of both in bytes."""
    vector = dim * BYTES[encoding]
    return vector + sketch(dim, encoding) + PER_LINK * m + PER_ELEMENT + name + attributes


def sketch(dim, encoding):
    """Bytes beside the vector, by which searches walk: a bit for each component of a long one, half a byte for that of a short one of floats."""
    if encoding == "bin":
        return 0
    if dim >= 384 and dim * BYTES[encoding] >= 1024:
        return 8 + dim / 8
    return 8 + dim / 2 if dim >= 64 and encoding == "noquant" else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, required=True)
    parser.add_argument("--dim", type=int, required=True, help="components of a vector, after REDUCE if there is one")
    parser.add_argument("--encoding", choices=BYTES, default="q8")
    parser.add_argument("--m", type=int, default=16, help="M of the first VADD (default 16)")
    parser.add_argument("--name", type=float, default=10, help="mean bytes of a name (default 10)")
    parser.add_argument("--attributes", type=float, default=0, help="mean bytes of the attributes' text (default 0)")
    options = vars(parser.parse_args())
    elements = options.pop("elements")
    one = element(**options)
    print(f"{one:,.0f} bytes an element, {elements * one / 1e6:,.1f} MB for {elements:,}")


if __name__ == "__main__":
    main()
