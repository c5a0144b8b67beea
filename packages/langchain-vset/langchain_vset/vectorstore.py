"""The vector store. Each request is built once, as `vset.commands.Ask`; sync and asyncio methods only send it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from vset import commands
from vset.clients import Clients, ask, ask_async
from vset.commands import Ask, Hit, Metric, Quantization
from vset.filters import Filter
from vset.mmr import mmr

from .filters import from_mapping

T = TypeVar("T")


class VSetVectorStore(VectorStore):
    """Texts with their vectors in one vector set: a text's id is the element, text and metadata are its attributes.

    Without an asyncio client or a URL the asyncio methods run the others in threads.
    """

    def __init__(
        self,
        embedding: Embeddings,
        key: str = "langchain",
        *,
        url: str | None = None,
        client: Any = None,
        async_client: Any = None,
        quantization: Quantization | None = None,
        metric: Metric | None = None,
        m: int | None = None,
    ) -> None:
        """`url`, or clients of redis-py, valkey-py or GLIDE. The rest is for a set that does not exist yet."""
        self.embedding, self.key = embedding, key
        self.clients = Clients(url, client, async_client)
        self._creation: dict[str, Any] = {"quantization": quantization, "metric": metric, "m": m}

    @property
    def embeddings(self) -> Embeddings:
        """What makes the vectors."""
        return self.embedding

    def _ask(self, asked: Ask[T]) -> T:
        return asked.read(ask(self.clients.waiting, asked.commands))

    async def _aask(self, asked: Ask[T]) -> T:
        return asked.read(await ask_async(self.clients.asyncio, asked.commands))

    # Adding and removing

    def _adding(
        self, texts: list[str], vectors: list[list[float]], metadatas: list[dict[str, Any]] | None, ids: Sequence[str | None] | None, ttl: float | None
    ) -> Ask[list[str]]:
        names = [name or str(uuid.uuid4()) for name in (ids if ids is not None else [None] * len(texts))]
        own = metadatas if metadatas is not None else [{}] * len(texts)
        if not len(names) == len(own) == len(texts):
            raise ValueError(f"{len(texts)} texts, {len(own)} metadatas and {len(names)} ids: there must be as many of each")
        # Metadata first: filters see the fields in the first 4 MiB.
        attributes = {name: {"metadata": metadata or {}, "text": text} for name, metadata, text in zip(names, own, texts)}
        added = commands.add_many(self.key, dict(zip(names, vectors)), attributes, ttl=ttl, **self._creation)
        return Ask(added.commands, lambda _: names)

    def add_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, *, ids: list[str] | None = None, ttl: float | None = None, **kwargs: Any
    ) -> list[str]:
        """Adds texts, or replaces those of the same ids; `ttl`: seconds until they expire. Yields the ids."""
        given = list(texts)
        return self._ask(self._adding(given, self.embedding.embed_documents(given), metadatas, ids, ttl))

    async def aadd_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, *, ids: list[str] | None = None, ttl: float | None = None, **kwargs: Any
    ) -> list[str]:
        """The same for asyncio."""
        if not self.clients.has_asyncio:
            return await super().aadd_texts(texts, metadatas, ids=ids, ttl=ttl, **kwargs)
        given = list(texts)
        return await self._aask(self._adding(given, await self.embedding.aembed_documents(given), metadatas, ids, ttl))

    def _deleting(self, ids: Iterable[str] | None) -> Ask[bool]:
        if ids is None:
            return Ask.one(["DEL", self.key], lambda _: True)
        return Ask(commands.remove_many(self.key, ids).commands, lambda _: True)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Removes texts by their ids, or without ids all."""
        return self._ask(self._deleting(ids))

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """The same for asyncio."""
        return await self._aask(self._deleting(ids)) if self.clients.has_asyncio else bool(await super().adelete(ids, **kwargs))

    # Reading

    def _getting(self, ids: Sequence[str]) -> Ask[list[Document]]:
        names = list(dict.fromkeys(ids))
        asked = commands.attributes_of(self.key, names)
        return Ask(asked.commands, lambda replies: [document(name, own) for name, own in zip(names, asked.read(replies)) if own is not None])

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The texts of those ids that are there."""
        return self._ask(self._getting(ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The same for asyncio."""
        return await self._aask(self._getting(ids)) if self.clients.has_asyncio else await super().aget_by_ids(ids)

    def _searching(self, vector: Sequence[float], k: int, filter: Mapping[str, Any] | Filter | None, ef: int | None) -> Ask[list[Hit]]:
        where = filter if filter is None or isinstance(filter, Filter) else from_mapping(filter) if filter else None
        return commands.search(self.key, vector, k, filter=where, attributes=True, ef=ef)

    def similarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, *, filter: Mapping[str, Any] | Filter | None = None, ef: int | None = None
    ) -> list[tuple[Document, float]]:
        """The nearest texts with their scores, larger ones nearer. `ef`: width of the search."""
        return scored(self._ask(self._searching(embedding, k, filter, ef)))

    async def asimilarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, *, filter: Mapping[str, Any] | Filter | None = None, ef: int | None = None
    ) -> list[tuple[Document, float]]:
        """The same for asyncio."""
        return scored(await self._aask(self._searching(embedding, k, filter, ef)))

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        """The nearest texts."""
        return [found for found, _ in self.similarity_search_with_score_by_vector(embedding, k, **kwargs)]

    async def asimilarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        """The same for asyncio."""
        if not self.clients.has_asyncio:
            return await super().asimilarity_search_by_vector(embedding, k, **kwargs)
        return [found for found, _ in await self.asimilarity_search_with_score_by_vector(embedding, k, **kwargs)]

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """The texts nearest to a text, with their scores."""
        return self.similarity_search_with_score_by_vector(self.embedding.embed_query(query), k, **kwargs)

    async def asimilarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        """The same for asyncio."""
        if not self.clients.has_asyncio:
            return await super().asimilarity_search_with_score(query, k, **kwargs)
        return await self.asimilarity_search_with_score_by_vector(await self.embedding.aembed_query(query), k, **kwargs)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The texts nearest to a text."""
        return [found for found, _ in self.similarity_search_with_score(query, k, **kwargs)]

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The same for asyncio."""
        return [found for found, _ in await self.asimilarity_search_with_score(query, k, **kwargs)]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """Scores of COSINE and L2 are within 0 and 1 already."""
        return lambda score: score

    # Maximal marginal relevance

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Of the `fetch_k` nearest texts `k` that are not all alike; `lambda_mult` 1 looks at nearness only."""
        found = self.similarity_search_with_score_by_vector(embedding, fetch_k, **kwargs)
        return varied(embedding, found, self._ask(commands.vectors(self.key, [text.id or "" for text, _ in found])), k, lambda_mult)

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """The same for asyncio."""
        if not self.clients.has_asyncio:
            return await super().amax_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **kwargs)
        found = await self.asimilarity_search_with_score_by_vector(embedding, fetch_k, **kwargs)
        return varied(embedding, found, await self._aask(commands.vectors(self.key, [text.id or "" for text, _ in found])), k, lambda_mult)

    def max_marginal_relevance_search(self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any) -> list[Document]:
        """The same for a text."""
        return self.max_marginal_relevance_search_by_vector(self.embedding.embed_query(query), k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """The same for asyncio."""
        return await self.amax_marginal_relevance_search_by_vector(await self.embedding.aembed_query(query), k, fetch_k, lambda_mult, **kwargs)

    # Making a store of texts

    @classmethod
    def from_texts(
        cls, texts: list[str], embedding: Embeddings, metadatas: list[dict[str, Any]] | None = None, *, ids: list[str] | None = None, **kwargs: Any
    ) -> VSetVectorStore:
        """A store with these texts; further arguments are those of the class."""
        store = cls(embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls, texts: list[str], embedding: Embeddings, metadatas: list[dict[str, Any]] | None = None, *, ids: list[str] | None = None, **kwargs: Any
    ) -> VSetVectorStore:
        """The same for asyncio."""
        store = cls(embedding, **kwargs)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store


def document(name: str, attributes: Any) -> Document:
    """An element as LangChain has it. Elements that others added may have no text."""
    own = attributes if isinstance(attributes, dict) else {}
    return Document(id=name, page_content=own.get("text", ""), metadata=own.get("metadata", {}))


def scored(hits: list[Hit]) -> list[tuple[Document, float]]:
    """Hits as LangChain has them."""
    return [(document(hit.element, hit.attributes), hit.score) for hit in hits]


def varied(
    query: Sequence[float], found: list[tuple[Document, float]], vectors: list[list[float] | None], k: int, relevance: float
) -> list[Document]:
    """Those that MMR chooses; what was removed since is left out."""
    there = [(text, vector) for (text, _), vector in zip(found, vectors) if vector is not None]
    return [there[i][0] for i in mmr(query, [vector for _, vector in there], k, relevance)]
