"""Judges replies to queries by what was true at some moment between question and answer.

Each element has one writer, so its states follow each other: a state may hold from when its command was sent until the
next one's reply came. A query sees one of the states that may hold while it is under way.
"""

import time

import numpy as np


class State:
    """What an element is from some command on; absent without a vector."""

    def __init__(self, vector=None, attributes=None):
        self.vector, self.attributes = vector, attributes
        self.sent, self.acked = time.monotonic(), None

    def present(self):
        return self.vector is not None


class Element:
    """The states of an element of a key. Appended to by one thread, read by all."""

    def __init__(self, name):
        self.name = name
        self.states = [State()]
        self.states[0].acked = 0.0

    @property
    def now(self):
        """The newest state: what its writer knows to be true between two commands."""
        return self.states[-1]

    def becomes(self, state):
        """Call before the command is sent; set `acked` once its reply is there."""
        self.states.append(state)
        return state

    def possible(self, asked, answered):
        """States that may have held between these times."""
        found = []
        for state in reversed(self.states):
            if state.sent > answered:
                continue
            found.append(state)
            if state.acked is not None and state.acked < asked:
                break
        return found


class Table:
    """All elements that a key may hold."""

    def __init__(self, names):
        self.elements = {name: Element(name) for name in names}

    def judge(self, ask, asked, answered, count, matches, score, tolerance, exact):
        """Raises an AssertionError if the reply, a dict of names and scores, cannot be right.

        `matches` tells whether attributes match the query's filter, `score` the score of a vector. With `exact` the
        reply must hold the best of all that were there throughout.
        """
        names = [name for name, _ in ask]
        assert len(names) == len(set(names)), f"twice: {[n for n in names if names.count(n) > 1]}"
        assert len(names) <= count, f"{len(names)} hits, {count} were asked for"
        for name, got in ask:
            states = self.elements[name].possible(asked, answered)
            there = [s for s in states if s.present()]
            assert there, f"{name} was not there"
            assert any(matches(s.attributes) for s in there), f"{name} did not match: {[s.attributes for s in there]}"
            scores = [score(s.vector) for s in there]
            assert min(abs(s - got) for s in scores) <= tolerance, f"{name} has the score {got}, not one of {scores}"
        steady = [states[0] for states in (e.possible(asked, answered) for e in list(self.elements.values()))
                  if all(s.present() and matches(s.attributes) for s in states)]
        assert len(names) >= min(count, len(steady)), f"{len(names)} hits of {count}, {len(steady)} were there throughout"
        if not exact:
            return
        least = min(got for _, got in ask) if len(names) == count else -1
        for element in list(self.elements.values()):
            states = element.possible(asked, answered)
            if all(s.present() and matches(s.attributes) for s in states) and element.name not in names:
                best = min(score(s.vector) for s in states)
                assert best <= least + tolerance, f"{element.name} with {best} is missing, the last hit has {least}"

    def bounds(self, asked, answered, matches):
        """How many elements matched at least, and at most."""
        all_states = [element.possible(asked, answered) for element in list(self.elements.values())]
        fits = [[s.present() and matches(s.attributes) for s in states] for states in all_states]
        return sum(map(all, fits)), sum(map(any, fits))


def similarity(a, b):
    """The score of two unit vectors."""
    return (1 + float(np.dot(a, b))) / 2
