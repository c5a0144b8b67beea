"""Checks replies to queries against the states that held at some moment between query and reply.

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

    def judge(self, hits, question, asked, answered):
        """Judges a reply by the elements of this key."""
        judge(self.elements, hits, question, asked, answered)

    def bounds(self, asked, answered, matches):
        """How many elements matched at least, and at most."""
        all_states = [element.possible(asked, answered) for element in list(self.elements.values())]
        fits = [[s.present() and matches(s.attributes) for s in states] for states in all_states]
        return sum(map(all, fits)), sum(map(any, fits))


class Question:
    """What was asked: `count` of those whose attributes match, by a unit vector. With `exact` the reply must hold the
    best of all that were there throughout."""

    def __init__(self, query, count, matches=lambda attributes: True, tolerance=1e-4, exact=False, least=-1.0, excluded=()):
        self.query, self.count, self.matches = query, count, matches
        self.tolerance, self.exact, self.least, self.excluded = tolerance, exact, least, excluded

    def score(self, state):
        return similarity(state.vector, self.query)

    def fits(self, name, states):
        """Whether an element was a hit throughout."""
        if name in self.excluded or not all(s.present() and self.matches(s.attributes) for s in states):
            return False
        return self.least < 0 or min(map(self.score, states)) > self.least + self.tolerance


def judge(elements, hits, question, asked, answered):
    """Raises an AssertionError if the reply, a list of names and scores, cannot be right."""
    names = {name for name, _ in hits}
    assert len(names) == len(hits), f"twice: {sorted(name for name, _ in hits)}"
    assert len(hits) <= question.count, f"{len(hits)} hits, {question.count} were asked for"
    for name, got in hits:
        there = [s for s in elements[name].possible(asked, answered) if s.present()]
        assert there, f"{name} was not there"
        assert name not in question.excluded, f"{name} was excluded"
        assert any(question.matches(s.attributes) for s in there), f"{name} did not match: {[s.attributes for s in there]}"
        scores = [question.score(s) for s in there]
        assert min(abs(s - got) for s in scores) <= question.tolerance, f"{name} has the score {got}, not one of {scores}"
        assert got >= question.least - 1e-6, f"{name} has the score {got}"
    steady = []
    for name, element in list(elements.items()):
        states = element.possible(asked, answered)
        if question.fits(name, states):
            steady.append((name, states))
    # Among the nearest that an approximate search finds, fewer may have the least score.
    least = min(question.count, len(steady)) if question.exact or question.least < 0 else 0
    assert len(hits) >= least, f"{len(hits)} hits of {question.count}, {len(steady)} were there throughout"
    if not question.exact:
        return
    last = min(got for _, got in hits) if len(hits) == question.count else question.least
    for name, states in steady:
        if name not in names:
            best = min(map(question.score, states))
            assert best <= last + question.tolerance, f"{name} with {best} is missing, the last hit has {last}"


def similarity(a, b):
    """The score of two unit vectors."""
    return (1 + float(np.dot(a, b))) / 2
