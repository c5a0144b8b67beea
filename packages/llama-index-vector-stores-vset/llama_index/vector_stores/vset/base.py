"""The vector store. Each request is built once, as `vset.commands.Ask`; sync and asyncio methods only send it."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, TypeVar

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, MetadataFilters, VectorStoreQuery, VectorStoreQueryMode, VectorStoreQueryResult
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict
from vset import commands
from vset.clients import Clients, ask, ask_async
from vset.commands import Ask, Hit, Metric, Quantization
from vset.filters import Filter, field
from vset.mmr import mmr

from .filters import from_filters

T = TypeVar("T")

# Of so many times the nodes that are wanted MMR chooses.
MMR_FETCH = 4
DEFAULT_RELEVANCE = 0.5


class VSetVectorStore(BasePydanticVectorStore):
    """Nodes in one vector set: a node's id is the element; metadata, document and content are its attributes.

    Without an asyncio client or a URL the asyncio methods wait as the others do.
    """

    stores_text: bool = True
    flat_metadata: bool = False
    key: str
    url: str | None = None
    quantization: Quantization | None = None
    metric: Metric | None = None
    m: int | None = None
    ef: int | None = None

    _clients: Clients = PrivateAttr()

    def __init__(
        self,
        url: str | None = None,
        key: str = "llama_index",
        *,
        client: Any = None,
        async_client: Any = None,
        quantization: Quantization | None = None,
        metric: Metric | None = None,
        m: int | None = None,
        ef: int | None = None,
        **kwargs: Any,
    ) -> None:
        """`url`, or clients of redis-py, valkey-py or GLIDE. `ef`: width of searches. The rest is for a set that does not exist yet."""
        super().__init__(url=url, key=key, quantization=quantization, metric=metric, m=m, ef=ef, **kwargs)  # type: ignore[call-arg]
        self._clients = Clients(url, client, async_client)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex saves it."""
        return "VSetVectorStore"

    @property
    def client(self) -> Any:
        """The client that waits."""
        return self._clients.waiting

    def _ask(self, asked: Ask[T]) -> T:
        return asked.read(ask(self._clients.waiting, asked.commands))

    async def _aask(self, asked: Ask[T]) -> T:
        if not self._clients.has_asyncio:
            return self._ask(asked)
        return asked.read(await ask_async(self._clients.asyncio, asked.commands))

    # Adding and removing

    def _adding(self, nodes: Sequence[BaseNode]) -> Ask[list[str]]:
        vectors = {node.node_id: node.get_embedding() for node in nodes}
        creation: dict[str, Any] = {"quantization": self.quantization, "metric": self.metric, "m": self.m}
        added = commands.add_many(self.key, vectors, {node.node_id: attributes(node) for node in nodes}, **creation)
        return Ask(added.commands, lambda _: [node.node_id for node in nodes])

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Adds nodes with their embeddings, or replaces those of the same ids. Yields the ids."""
        return self._ask(self._adding(nodes))

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """The same for asyncio."""
        return await self._aask(self._adding(nodes))

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Removes the nodes of a document."""
        self._ask(commands.remove_by_filter(self.key, field("document") == ref_doc_id))

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """The same for asyncio."""
        await self._aask(commands.remove_by_filter(self.key, field("document") == ref_doc_id))

    def _deleting(self, node_ids: list[str] | None, filters: MetadataFilters | None) -> Ask[int]:
        where = condition(filters, node_ids)
        if where is None:
            raise ValueError("node_ids or filters are needed; clear() removes all")
        return commands.remove_by_filter(self.key, where) if filters is not None else commands.remove_many(self.key, node_ids or [])

    def delete_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any) -> None:
        """Removes nodes of these ids, or that match, or both."""
        self._ask(self._deleting(node_ids, filters))

    async def adelete_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any) -> None:
        """The same for asyncio."""
        await self._aask(self._deleting(node_ids, filters))

    def clear(self) -> None:
        """Removes all nodes."""
        self._ask(Ask.one(["DEL", self.key], int))

    async def aclear(self) -> None:
        """The same for asyncio."""
        await self._aask(Ask.one(["DEL", self.key], int))

    # Reading

    def _sizes(self) -> Ask[dict[str, Any] | None]:
        return commands.info(self.key)

    def _getting(self, node_ids: list[str] | None, filters: MetadataFilters | None, info: dict[str, Any] | None) -> Ask[list[BaseNode]]:
        if not info:
            return Ask([], lambda _: [])
        if filters is None and node_ids is not None:
            asked = commands.attributes_of(self.key, node_ids)
            return Ask(asked.commands, lambda replies: [node_of(own) for own in asked.read(replies) if own])
        # All are equally far from nowhere.
        nowhere = [0.0] * int(info["vector-dim"])
        found = commands.search(self.key, nowhere, int(info["size"]), filter=condition(filters, node_ids), attributes=True, truth=True)
        return Ask(found.commands, lambda replies: [node_of(hit.attributes) for hit in found.read(replies) if hit.attributes])

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """Nodes of these ids, or that match, or both; without either all."""
        return self._ask(self._getting(node_ids, filters, self._ask(self._sizes())))

    async def aget_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """The same for asyncio."""
        return await self._aask(self._getting(node_ids, filters, await self._aask(self._sizes())))

    def _searching(self, query: VectorStoreQuery) -> Ask[list[Hit]]:
        if query.query_embedding is None:
            raise ValueError("a query needs an embedding")
        if query.mode not in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR):
            raise NotImplementedError(f"there is no mode {query.mode.value}")
        many = query.similarity_top_k * (MMR_FETCH if query.mode == VectorStoreQueryMode.MMR else 1)
        # An index passes an empty list where it means no limit.
        where = condition(query.filters, query.node_ids or None, query.doc_ids or None)
        return commands.search(self.key, query.query_embedding, many, filter=where, attributes=True, ef=self.ef)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nodes nearest to an embedding, or those that MMR chooses of them."""
        hits = self._ask(self._searching(query))
        if query.mode == VectorStoreQueryMode.MMR:
            hits = varied(query, hits, self._ask(commands.vectors(self.key, [hit.element for hit in hits])))
        return result(hits)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The same for asyncio."""
        hits = await self._aask(self._searching(query))
        if query.mode == VectorStoreQueryMode.MMR:
            hits = varied(query, hits, await self._aask(commands.vectors(self.key, [hit.element for hit in hits])))
        return result(hits)


def attributes(node: BaseNode) -> dict[str, Any]:
    """What a set keeps of a node. What filters ask for stands first; null and empty lists are left out there."""
    kept = node_to_metadata_dict(node, remove_text=False, flat_metadata=False)
    seen = {name: value for name, value in node.metadata.items() if value is not None and value != []}
    made = {"id": node.node_id, "metadata": seen, "type": kept["_node_type"], "content": kept["_node_content"]}
    return {"document": node.ref_doc_id, **made} if node.ref_doc_id else made


def node_of(own: dict[str, Any]) -> BaseNode:
    """The node again."""
    return metadata_dict_to_node({"_node_type": own["type"], "_node_content": own["content"]})


def condition(filters: MetadataFilters | None, node_ids: list[str] | None, doc_ids: list[str] | None = None) -> Filter | None:
    """All that is asked of nodes; None if nothing is."""
    parts = [from_filters(filters) if filters is not None else None]
    parts += [field(name).is_in(wanted) if wanted is not None else None for name, wanted in (("id", node_ids), ("document", doc_ids))]
    given = [part for part in parts if part is not None]
    return functools.reduce(operator.and_, given) if given else None


def result(hits: list[Hit]) -> VectorStoreQueryResult:
    """Hits as LlamaIndex has them; elements that are no nodes are left out."""
    nodes = [hit for hit in hits if hit.attributes and "content" in hit.attributes]
    return VectorStoreQueryResult([node_of(hit.attributes) for hit in nodes], [hit.score for hit in nodes], [hit.element for hit in nodes])


def varied(query: VectorStoreQuery, hits: list[Hit], vectors: list[list[float] | None]) -> list[Hit]:
    """Those that MMR chooses; what was removed since is left out."""
    there = [(hit, vector) for hit, vector in zip(hits, vectors) if vector is not None]
    relevance = DEFAULT_RELEVANCE if query.mmr_threshold is None else query.mmr_threshold
    chosen = mmr(query.query_embedding or [], [vector for _, vector in there], query.similarity_top_k, relevance)
    return [there[i][0] for i in chosen]
