"""Maximal marginal relevance: results that are near to the query and not all alike (Carbonell and Goldstein, 1998)."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["mmr"]


def mmr(query: Sequence[float], vectors: Sequence[Sequence[float]], count: int, relevance: float = 0.5) -> list[int]:
    """Indices of vectors in the order in which they are chosen.

    Each choice has the largest `relevance · cos(query, v) - (1 - relevance) · max cos(chosen, v)`.
    """
    units = [unit(vector) for vector in vectors]
    asked = unit(query)
    near = [dot(asked, vector) for vector in units]
    alike = [-math.inf] * len(units)
    chosen: list[int] = []
    rest = set(range(len(units)))
    while rest and len(chosen) < count:
        best = max(sorted(rest), key=lambda i: relevance * near[i] - (1 - relevance) * alike[i] if chosen else near[i])
        chosen.append(best)
        rest.remove(best)
        for i in rest:
            alike[i] = max(alike[i], dot(units[best], units[i]))
    return chosen


def unit(vector: Sequence[float]) -> list[float]:
    """The vector with length 1; zeros stay."""
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / length for x in vector]


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The inner product."""
    return sum(x * y for x, y in zip(a, b))
