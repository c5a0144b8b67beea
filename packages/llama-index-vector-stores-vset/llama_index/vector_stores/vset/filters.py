"""LlamaIndex's filters on metadata as filters of vset."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from vset.filters import Field, Filter, field

# A node without the field differs from every value, and is in no list.
OPERATORS: dict[FilterOperator, Callable[[Field, Any], Filter]] = {
    FilterOperator.EQ: operator.eq,
    FilterOperator.NE: lambda name, value: ~(name == value),
    FilterOperator.GT: operator.gt,
    FilterOperator.GTE: operator.ge,
    FilterOperator.LT: operator.lt,
    FilterOperator.LTE: operator.le,
    FilterOperator.IN: Field.is_in,
    FilterOperator.NIN: lambda name, values: ~name.is_in(values),
    FilterOperator.ANY: lambda name, values: functools.reduce(operator.or_, map(name.contains, values), name.is_in([])),
    FilterOperator.ALL: lambda name, values: functools.reduce(operator.and_, map(name.contains, values), name.exists()),
    FilterOperator.CONTAINS: Field.contains,
    FilterOperator.TEXT_MATCH: Field.has_text,
    # Null and empty lists are not kept among the fields that filters see.
    FilterOperator.IS_EMPTY: lambda name, _: ~name.exists() | (name == ""),
}


def from_filters(filters: MetadataFilters) -> Filter | None:
    """The filter; None if there is nothing in it. Raises NotImplementedError for an operator that there is not."""
    parts = [part for part in map(one, filters.filters) if part is not None]
    if not parts:
        return None
    condition = filters.condition or FilterCondition.AND
    joined = functools.reduce(operator.or_ if condition == FilterCondition.OR else operator.and_, parts)
    return ~joined if condition == FilterCondition.NOT else joined


def one(wanted: MetadataFilter | MetadataFilters) -> Filter | None:
    """A single filter, or nested ones."""
    if isinstance(wanted, MetadataFilters):
        return from_filters(wanted)
    if wanted.operator not in OPERATORS:
        raise NotImplementedError(f"there is no {wanted.operator.name} in filters of vset")
    return OPERATORS[wanted.operator](field("metadata", wanted.key), wanted.value)
