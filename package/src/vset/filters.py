"""FILTER expressions from Python, with values as PARAMS: user input never becomes syntax.

    from vset.filters import field

    recent = (field("year") >= 1980) & field("genre").is_in(["action", "drama"])
    either = (field("author") == name) | ~field("tags").contains("draft")

In an expression a missing field makes the whole of it false, even of `or`. Here it makes only its own comparison false:
an `or` over different fields becomes several expressions, `alternatives`, whose results belong together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, Union

__all__ = ["Field", "Filter", "MOST_ALTERNATIVES", "Value", "field"]

#: What fields are compared with.
Value = Union[str, int, float, bool]

#: A filter that falls apart into more expressions is refused.
MOST_ALTERNATIVES = 64


class Parameter(NamedTuple):
    """A value's place in an expression."""

    value: str


class Part(NamedTuple):
    """One expression: text and parameters in turn, and the fields without which it is false."""

    fields: frozenset[str]
    tokens: tuple[str | Parameter, ...]


class Filter:
    """A condition on attributes; combine them with `&`, `|` and `~`."""

    def __init__(self, yes: Callable[[], list[Part]], no: Callable[[], list[Part]]) -> None:
        self._yes, self._no = yes, no

    def __and__(self, other: Filter) -> Filter:
        return Filter(lambda: both(self._yes(), other._yes()), lambda: either(self._no() + other._no()))

    def __or__(self, other: Filter) -> Filter:
        return Filter(lambda: either(self._yes() + other._yes()), lambda: both(self._no(), other._no()))

    def __invert__(self) -> Filter:
        return Filter(self._no, self._yes)

    def alternatives(self) -> list[tuple[str, dict[str, str]]]:
        """Expressions with their parameters: what matches one of them matches the filter.

        Raises ValueError if there are more than MOST_ALTERNATIVES.
        """
        parts = self._yes()
        if len(parts) > MOST_ALTERNATIVES:
            raise too_many()
        return [rendered(part) for part in parts]

    def __repr__(self) -> str:
        return f"Filter({' | '.join(f'{text!r} {params}' for text, params in self.alternatives())})"


def too_many() -> ValueError:
    """The error of filters that fall apart."""
    return ValueError(f"the filter needs more than {MOST_ALTERNATIVES} expressions: too many of its alternatives are over different fields")


def rendered(part: Part) -> tuple[str, dict[str, str]]:
    """The expression's text and its parameters by name; equal values share one."""
    names: dict[str, str] = {}
    words = []
    for token in part.tokens:
        words.append(f"${names.setdefault(token.value, f'p{len(names)}')}" if isinstance(token, Parameter) else token)
    return "".join(words), {name: value for value, name in names.items()}


def joined(parts: list[Part], word: str) -> Part:
    """One part of several."""
    if len(parts) == 1:
        return parts[0]
    tokens: list[str | Parameter] = []
    for part in parts:
        tokens += [f" {word} (" if tokens else "(", *part.tokens, ")"]
    return Part(frozenset().union(*(part.fields for part in parts)), tuple(tokens))


def both(left: list[Part], right: list[Part]) -> list[Part]:
    """The parts of a conjunction: each with each."""
    if len(left) * len(right) > MOST_ALTERNATIVES**2:
        raise too_many()
    return either([joined([a, b], "and") for a in left for b in right])


def either(parts: list[Part]) -> list[Part]:
    """The parts of a disjunction: those that need the same fields become one."""
    by_fields: dict[frozenset[str], list[Part]] = {}
    for part in parts:
        by_fields.setdefault(part.fields, []).append(part)
    return [joined(group, "or") for group in by_fields.values()]


class Field:
    """A field of the attributes, to compare with values."""

    def __init__(self, *path: str) -> None:
        if not path or not all(path):
            raise ValueError("a field has a name")
        quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in path)
        self.path = "".join(f'."{name}"' for name in quoted)

    def exists(self) -> Filter:
        """Whether it has a value; null is one, an object is none."""
        yes, no = (Part(frozenset(), (f"{word}exists({self.path})",)) for word in ("", "not "))
        return Filter(lambda: [yes], lambda: [no])

    def _leaf(self, *tokens: str | Parameter) -> Filter:
        fields = frozenset([self.path])
        missing = Part(frozenset(), (f"not exists({self.path})",))
        return Filter(lambda: [Part(fields, tokens)], lambda: [missing, Part(fields, ("not (", *tokens, ")"))])

    def _compare(self, operator: str, value: Value) -> Filter:
        return self._leaf(f"{self.path} {operator} ", parameter(value))

    def __eq__(self, value: Value | None) -> Filter:  # type: ignore[override]
        return self._leaf(f"{self.path} == null") if value is None else self._compare("==", value)

    def __ne__(self, value: Value | None) -> Filter:  # type: ignore[override]
        """Has a value, and another one."""
        return self._leaf(f"{self.path} != null") if value is None else self._compare("!=", value)

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, value: float) -> Filter:
        return self._compare("<", value)

    def __le__(self, value: float) -> Filter:
        return self._compare("<=", value)

    def __gt__(self, value: float) -> Filter:
        return self._compare(">", value)

    def __ge__(self, value: float) -> Filter:
        return self._compare(">=", value)

    def is_in(self, values: Iterable[Value]) -> Filter:
        """Is one of these."""
        tokens: list[str | Parameter] = []
        for value in values:
            tokens += [", " if tokens else f"{self.path} in [", parameter(value)]
        return self._leaf(*tokens, "]") if tokens else self._leaf("0 == 1")

    def contains(self, value: Value) -> Filter:
        """Is an array with this item, or a text with this part."""
        return self._leaf(parameter(value), f" in {self.path}")

    def has_text(self, part: str) -> Filter:
        """Is a text with this part."""
        return self._leaf(f"contains({self.path}, ", parameter(part), ")")

    def starts_with(self, start: str) -> Filter:
        """Is a text that begins so."""
        return self._leaf(f"startswith({self.path}, ", parameter(start), ")")

    def ends_with(self, end: str) -> Filter:
        """Is a text that ends so."""
        return self._leaf(f"endswith({self.path}, ", parameter(end), ")")


def field(*path: str) -> Field:
    """A field by its name, or a nested one by the names on the way to it."""
    return Field(*path)


def parameter(value: Value) -> Parameter:
    """A value as PARAMS takes it; JSON's true and false are the numbers 1 and 0 in filters."""
    if isinstance(value, bool):
        return Parameter(str(int(value)))
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise ValueError(f"filters know no {value}")
        return Parameter(repr(value))
    if isinstance(value, str):
        return Parameter(value)
    raise TypeError(f"a filter compares with texts, numbers and booleans, not with {type(value).__name__}")
