"""One vector set over many keys, and so over all nodes of a cluster.

    from redis.cluster import RedisCluster
    from vset.sharded import ShardedVectorSet

    words = ShardedVectorSet(RedisCluster(port=7000), "words", shards=5)
    words.add({"king": [...], "queen": [...]})
    words.search([...], count=10)

The set `words` of N shards is the vector sets `{words:0}` to `{words:N-1}`: an element is in the one that a hash of its
name tells. Every shard has a small key beside it, `{words:0}:layout`, which holds N. There is no other state, so any
number of clients may use a set, and `reshard` may change N while they do:

* Layout `5>8` says that elements move from 5 shards to 8. Writers write to the new place and then remove from the old
  one; readers ask the shards of both.
* Each batch that a client sends to a shard ends with a look at its layout. If that is not the one the client counted
  on, the client reads the layout and sends its batch again. A write under the old layout therefore either came before
  the change, and then the move sees it, or it is repeated.
* The move adds an element to its new place, unless a newer one is there or it was removed since (`{words:0}:removed`
  tells), and then removes it from the old place. An element is never in neither of the two. It moves once, so a reader
  that asks twice while elements move meets each of them.

`ShardedVectorSet` takes any client of redis-py or valkey-py with `pipeline`, `AsyncShardedVectorSet` any of their
asyncio clients: for a cluster or for one server. Replies may be decoded or not.

A search is a VSIM for each shard, merged here; on one server it is one VMSIM, which merges there. Both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from .clients import Argument, Command, ask, ask_async
from .placement import Found, Layout, LayoutChanged, Vector, hits_of, is_refusal, place, text, vector_arguments

__all__ = ["AsyncShardedVectorSet", "ShardedVectorSet"]

# Commands to send, and what the replies come to.
Steps = Generator[Sequence[Command], Any, Any]

# Is told of each command and its reply.
Seen = Callable[[Command, Any], None]
# Is told of each shard and how many elements have left it.
Progress = Callable[[int, int], None]

# Elements in one batch of a bulk operation.
BATCH = 500
# Elements that move at once: a script's VADD links at once, and others wait until a server has done what it was sent together.
AT_ONCE = 50
# Keys of one VMSIM.
MOST_KEYS = 1024

# Moves an element: not over a newer one, and not if it was removed since it was read.
MOVE = """
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 or redis.call('VISMEMBER', KEYS[1], ARGV[1]) == 1 then return 0 end
return redis.call('VADD', KEYS[1], unpack(ARGV, 2))
"""


# Notes a removal while elements move: later ones would leave a key that no move deletes.
NOTE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SADD', KEYS[2], ARGV[2]) end
"""


class _Steps:
    """What to ask of the server, without asking it: generators that yield lists of commands and are sent their replies."""

    def __init__(self, client: Any, name: str, shards: int | None = None) -> None:
        self.client, self.name, self.shards = client, name, shards
        self._layout: Layout | None = None
        # Clients of clusters tell keys' slots. One that does not may still talk to a node of one, or to a server that has no VMSIM.
        self._is_on_one_node = not hasattr(client, "keyslot")

    def key(self, shard: int) -> str:
        return f"{{{self.name}:{shard}}}"

    def layout_key(self, shard: int) -> str:
        return self.key(shard) + ":layout"

    def removed_key(self, shard: int) -> str:
        return self.key(shard) + ":removed"

    def _read_layout(self) -> Steps:
        (value,) = yield [("GET", self.layout_key(0))]
        if value is None:
            if not self.shards:
                raise KeyError(f"there is no sharded vector set {self.name!r}: name the number of its shards to begin one")
            yield [("SET", self.layout_key(shard), self.shards, "NX") for shard in reversed(range(self.shards))]
            (value,) = yield [("GET", self.layout_key(0))]
        self._layout = Layout(text(value))
        return self._layout

    def _checked(self, layout: Layout, by_shard: Mapping[int, Sequence[Command]], seen: Seen | None = None) -> Steps:
        """Runs the commands of each shard, and sees that no shard had another layout after them. What was done counts
        even so: `seen` is told of each command and its reply."""
        commands: list[Command] = []
        ends = []
        for shard, own in by_shard.items():
            commands += [*own, ("GET", self.layout_key(shard))]
            ends.append(len(commands))
        replies = yield commands
        found, start, changed = {}, 0, False
        for (shard, _), end in zip(by_shard.items(), ends):
            found[shard] = replies[start : end - 1]
            if seen:
                for command, reply in zip(commands[start : end - 1], found[shard]):
                    seen(command, reply)
            # A shard that is still to come has no layout yet.
            changed |= replies[end - 1] is None or text(replies[end - 1]) != layout.value
            start = end
        if changed:
            raise LayoutChanged
        return found

    def _repeated(self, steps: Callable[[Layout], Steps]) -> Steps:
        """Runs the steps again, by the new layout, for as long as the layout changes under them."""
        while True:
            layout = self._layout or (yield from self._read_layout())
            try:
                return (yield from steps(layout))
            except LayoutChanged:
                self._layout = None

    def _add(self, elements: Mapping[str, Vector], attributes: Mapping[str, str] | None, options: Sequence[Argument]) -> Steps:
        names = list(elements)
        changes = []

        def seen(command: Command, reply: Any) -> None:
            changes.append({"VADD": 1, "VREM": -1}.get(str(command[0]), 0) * int(reply))

        for start in range(0, len(names), BATCH):
            part = names[start : start + BATCH]
            yield from self._repeated(lambda layout: self._add_batch(layout, part, elements, attributes, options, seen))
        return sum(changes)

    def _add_batch(
        self,
        layout: Layout,
        part: list[str],
        elements: Mapping[str, Vector],
        attributes: Mapping[str, str] | None,
        options: Sequence[Argument],
        seen: Seen,
    ) -> Steps:
        writes: dict[int, list[Command]] = {}
        leftovers: dict[int, list[Command]] = {}
        for name in part:
            shard = place(name, layout.new)
            own = writes.setdefault(shard, [])
            if layout.moving:
                own.append(("SREM", self.removed_key(shard), name))
            extra = ["SETATTR", attributes[name]] if attributes and name in attributes else []
            own.append(("VADD", self.key(shard), *vector_arguments(elements[name]), name, *options, *extra))
            old = place(name, layout.old)
            if layout.moving and old != shard:
                leftovers.setdefault(old, []).append(("VREM", self.key(old), name))
        yield from self._checked(layout, writes, seen)
        if leftovers:
            yield from self._checked(layout, leftovers, seen)

    def _remove(self, names: Iterable[str]) -> Steps:
        names = list(names)
        gone = set()

        def seen(command: Command, reply: Any) -> None:
            if command[0] in ("VREM", "VISMEMBER") and int(reply):
                gone.add(command[2])

        for start in range(0, len(names), BATCH):
            part = names[start : start + BATCH]
            yield from self._repeated(lambda layout: self._remove_batch(layout, part, seen))
        return len(gone)

    def _remove_batch(self, layout: Layout, part: list[str], seen: Seen) -> Steps:
        removals: dict[int, list[Command]] = {}
        rest: dict[int, list[Command]] = {}
        there: dict[int, list[Command]] = {}
        for name in part:
            shard, old = place(name, layout.new), place(name, layout.old)
            own = removals.setdefault(shard, [])
            if layout.moving:
                own.append(("EVAL", NOTE, 2, self.layout_key(shard), self.removed_key(shard), layout.value, name))
            own.append(("VREM", self.key(shard), name))
            if layout.moving and old != shard:
                there.setdefault(old, []).append(("VISMEMBER", self.key(old), name))
                rest.setdefault(old, []).append(("VREM", self.key(old), name))
        if there:
            # The move may be the one that removes it there, once it is noted.
            yield from self._checked(layout, there, seen)
        yield from self._checked(layout, removals, seen)
        if rest:
            yield from self._checked(layout, rest, seen)

    def _one(self, name: str, *command: Argument) -> Steps:
        """A command about one element, at the place where it is."""

        def steps(layout: Layout) -> Steps:
            new, old = place(name, layout.new), place(name, layout.old)
            # An element that was not at its new place yet, and no more at the old one, has moved in between.
            for shard in [new] if new == old else [new, old, new]:
                own = (command[0], self.key(shard), name, *command[1:])
                ((there, reply),) = (yield from self._checked(layout, {shard: [("VISMEMBER", self.key(shard), name), own]})).values()
                if int(there):
                    return reply
            return None

        return (yield from self._repeated(steps))

    def _search(
        self,
        query: Vector | str,
        count: int,
        filter: str | None,
        ef: int | None,
        with_scores: bool,
        with_attributes: bool,
        exclude: bool,
        options: Sequence[Argument],
    ) -> Steps:
        vector: Any = query
        if isinstance(query, str):
            vector = yield from self._one(query, "VEMB")
            if vector is None:
                raise KeyError(f"there is no element {query!r} in {self.name!r}")
        leaves_out = exclude and isinstance(query, str)
        wanted = count + 1 if leaves_out else count
        words = [*vector_arguments(vector), "WITHSCORES", *(["WITHATTRIBS"] if with_attributes else []), "COUNT", wanted]
        words += [*(["EF", ef] if ef else []), *(["FILTER", filter] if filter else []), *options]
        hits = yield from self._repeated(lambda layout: self._nearest(layout, words, with_attributes, wanted))
        if leaves_out:
            hits = [hit for hit in hits if hit[0] not in (query, query.encode())][:count]
        if with_scores:
            return hits if with_attributes else [hit[:2] for hit in hits]
        return [(name, attributes) for name, _, attributes in hits] if with_attributes else [name for name, _, _ in hits]

    def _nearest(self, layout: Layout, words: Sequence[Argument], with_attributes: bool, count: int) -> Steps:
        """The best of all shards, best first: names, scores and attributes."""
        if self._is_on_one_node and not layout.moving and layout.keys <= MOST_KEYS:
            try:
                return (yield from self._nearest_there(layout, words))
            except Exception as error:
                if not is_refusal(error):
                    raise
                # What is wrong with the question is wrong for VSIM, too.
                hits = yield from self._nearest_of_each(layout, words, with_attributes, count)
                self._is_on_one_node = False
                return hits
        return (yield from self._nearest_of_each(layout, words, with_attributes, count))

    def _nearest_there(self, layout: Layout, words: Sequence[Argument]) -> Steps:
        """Merged by the server, which has all shards."""
        shards = range(layout.keys)
        search = ("VMSIM", layout.keys, *map(self.key, shards), *words)
        reply, layouts = yield [search, ("MGET", *map(self.layout_key, shards))]
        if any(text(found) != layout.value for found in layouts):
            raise LayoutChanged
        return [(name, float(score), rest[0] if rest else None) for _, name, score, *rest in reply]

    def _nearest_of_each(self, layout: Layout, words: Sequence[Argument], with_attributes: bool, count: int) -> Steps:
        """Asked of each shard, and merged here: of equal scores the first shard's come first, as of VMSIM."""
        best: dict[Any, Found] = {}
        # While elements move, the second time meets those that moved during the first.
        for _ in range(2 if layout.moving else 1):
            asked = {shard: [("VSIM", self.key(shard), *words)] for shard in range(layout.keys)}
            for shard, (reply,) in (yield from self._checked(layout, asked)).items():
                for hit in hits_of(reply, with_attributes):
                    is_new = place(hit[0], layout.new) == shard
                    if hit[0] not in best or is_new:
                        best[hit[0]] = hit
        return sorted(best.values(), key=lambda hit: -hit[1])[:count]

    def _count(self, filter: str | None) -> Steps:
        command = (lambda key: ("VCOUNT", key, filter)) if filter else (lambda key: ("VCARD", key))

        def steps(layout: Layout) -> Steps:
            asked = {shard: [command(self.key(shard))] for shard in range(layout.keys)}
            replies = yield from self._checked(layout, asked)
            return sum(int(reply) for (reply,) in replies.values())

        return (yield from self._repeated(steps))

    def _drop(self) -> Steps:
        layout = yield from self._read_layout()
        for shard in range(layout.keys):
            yield [("DEL", self.key(shard), self.removed_key(shard), self.layout_key(shard))]
        self._layout = None

    def _set_layout(self, value: str, shards: int) -> Steps:
        # The first shard tells newcomers, so it changes last.
        yield [("SET", self.layout_key(shard), value) for shard in reversed(range(1, shards))]
        yield [("SET", self.layout_key(0), value)]
        self._layout = Layout(value)
        return self._layout

    def _reshard(self, shards: int, progress: Progress | None) -> Steps:
        if shards < 1:
            raise ValueError("a set has at least one shard")
        layout = yield from self._read_layout()
        if layout.moving and layout.new != shards:
            raise ValueError(f"elements move to {layout.new} shards already: finish that first, by reshard({layout.new})")
        if layout.new == shards and not layout.moving:
            return 0
        if not layout.moving:
            most = max(layout.old, shards)
            yield [("DEL", self.removed_key(shard)) for shard in range(most)]
            layout = yield from self._set_layout(f"{layout.old}>{shards}", most)
        moved = 0
        for shard in range(layout.old):
            moved += yield from self._move_shard(shard, layout, progress)
        yield from self._set_layout(str(shards), layout.keys)
        yield [("DEL", self.removed_key(shard)) for shard in range(layout.keys)]
        if shards < layout.old:
            yield [("DEL", self.layout_key(shard)) for shard in range(shards, layout.old)]
        return moved

    def _move_shard(self, shard: int, layout: Layout, progress: Progress | None) -> Steps:
        key, moved = self.key(shard), 0
        start: str | bytes = "-"
        (info,) = yield [("VINFO", key)]
        if not info:
            return 0
        how = self._creation(info)
        while True:
            (names,) = yield [("VRANGE", key, start, "+", BATCH)]
            if not names:
                return moved
            start = b"(" + names[-1] if isinstance(names[-1], bytes) else "(" + names[-1]
            leaving = [name for name in names if place(name, layout.new) != shard]
            replies = yield [command for name in leaving for command in (("VEMB", key, name), ("VGETATTR", key, name))]
            moves = []
            for name, vector, attributes in zip(leaving, replies[::2], replies[1::2]):
                if vector:
                    target = place(name, layout.new)
                    extra = ["SETATTR", attributes] if attributes else []
                    own = [*vector_arguments(vector), name, *how, *extra]
                    moves.append(("EVAL", MOVE, 2, self.key(target), self.removed_key(target), name, *own))
            for first in range(0, len(moves), AT_ONCE):
                yield moves[first : first + AT_ONCE]
            yield [("VREM", key, name) for name in leaving]
            moved += len(leaving)
            if progress:
                progress(shard, moved)

    @staticmethod
    def _creation(info: Any) -> list[Argument]:
        """The words of VADD that make a set like this one."""
        info = {text(k): text(v) for k, v in (info.items() if isinstance(info, dict) else zip(info[::2], info[1::2]))}
        if int(info.get("projection-input-dim", 0)):
            raise ValueError("elements of sets with REDUCE cannot move: each shard has a projection of its own")
        encoding = {"f32": "NOQUANT", "f16": "F16", "int8": "Q8", "bin": "BIN"}[info["quant-type"]]
        metric = ["METRIC", info["distance-metric"].upper()] if info.get("distance-metric", "cosine") != "cosine" else []
        return [encoding, "M", int(info["hnsw-m"]), *metric]


class _ShardedVectorSet(_Steps):
    """The methods of both: `_run` waits, or makes a coroutine."""

    def _run(self, steps: Steps) -> Any:
        raise NotImplementedError

    def add(self, elements: Mapping[str, Vector], attributes: Mapping[str, str] | None = None, options: Sequence[Argument] = ()) -> Any:
        """Adds vectors by name; `options` are words of VADD. Yields how many are new."""
        return self._run(self._add(elements, attributes, options))

    def remove(self, names: Iterable[str]) -> Any:
        """Removes elements; yields how many there were."""
        return self._run(self._remove(names))

    def search(
        self,
        vector: Vector | str,
        count: int = 10,
        filter: str | None = None,
        ef: int | None = None,
        with_scores: bool = False,
        options: Sequence[Argument] = (),
        *,
        with_attributes: bool = False,
        exclude: bool = False,
    ) -> Any:
        """The nearest elements of all shards, best first: names, or tuples of name and score, attributes, or both.

        `vector` may be the name of an element, which `exclude` leaves out of the answer; KeyError if there is none. `options`
        are further words of VSIM, such as EPSILON, MINSCORE, FILTER-EF, TRUTH or PARAMS.
        """
        return self._run(self._search(vector, count, filter, ef, with_scores, with_attributes, exclude, options))

    def count(self, filter: str | None = None) -> Any:
        """Number of elements, or of those that match. While elements move, one may be counted in both places."""
        return self._run(self._count(filter))

    def vector(self, name: str) -> Any:
        """An element's vector; None if there is none."""
        return self._run(self._one(name, "VEMB"))

    def attributes(self, name: str) -> Any:
        """An element's attributes as text; None if there are none."""
        return self._run(self._one(name, "VGETATTR"))

    def reshard(self, shards: int, progress: Progress | None = None) -> Any:
        """Moves the elements to another number of shards while the set is used; again after a failure goes on.

        Yields how many have moved. `progress` is told each shard and how many have left it.
        """
        return self._run(self._reshard(shards, progress))

    def drop(self) -> Any:
        """Deletes the set."""
        return self._run(self._drop())


class ShardedVectorSet(_ShardedVectorSet):
    """A vector set of N shards, for clients that wait. `shards` is needed only where the set does not exist yet."""

    def _run(self, steps: Steps) -> Any:
        go_on, value = steps.send, None
        while True:
            try:
                commands = go_on(value)
            except StopIteration as end:
                return end.value
            try:
                go_on, value = steps.send, ask(self.client, commands)
            except Exception as error:
                go_on, value = steps.throw, error


class AsyncShardedVectorSet(_ShardedVectorSet):
    """The same for asyncio clients: each method is to be awaited."""

    async def _run(self, steps: Steps) -> Any:
        go_on, value = steps.send, None
        while True:
            try:
                commands = go_on(value)
            except StopIteration as end:
                return end.value
            try:
                go_on, value = steps.send, await ask_async(self.client, commands)
            except Exception as error:
                go_on, value = steps.throw, error
