"""Filters on metadata as LangChain's users write them: {"year": {"$gte": 1980}, "$or": [{…}, {…}]}."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vset.filters import Field, Filter, field

OPERATORS: dict[str, Callable[[Field, Any], Filter]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$in": Field.is_in,
    "$nin": lambda name, values: name.exists() & ~name.is_in(values),
    "$contains": Field.contains,
    "$exists": lambda name, wanted: name.exists() if wanted else ~name.exists(),
}


def from_mapping(wanted: Mapping[str, Any], path: tuple[str, ...] = ("metadata",)) -> Filter:
    """The filter; several entries must all hold. Raises ValueError for what it does not know."""
    if not wanted:
        raise ValueError("an empty filter")
    return every(entry(name, value, path) for name, value in wanted.items())


def entry(name: str, value: Any, path: tuple[str, ...]) -> Filter:
    """One entry of a filter."""
    if name in ("$and", "$or"):
        parts = [from_mapping(part, path) for part in value]
        if not parts:
            raise ValueError(f"{name} of nothing")
        return every(parts) if name == "$and" else functools.reduce(operator.or_, parts)
    if name == "$not":
        return ~from_mapping(value, path)
    if name in OPERATORS and len(path) > 1:
        return OPERATORS[name](field(*path), value)
    if name.startswith("$"):
        raise ValueError(f"{name} is no operator of a filter here")
    inner = (*path, name)
    return from_mapping(value, inner) if isinstance(value, Mapping) else field(*inner) == value


def every(parts: Iterable[Filter]) -> Filter:
    """All of them."""
    return functools.reduce(operator.and_, parts)
