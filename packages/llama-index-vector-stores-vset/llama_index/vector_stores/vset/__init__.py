"""LlamaIndex vector store over the vector sets of vset."""

from .base import VSetVectorStore

__all__ = ["VSetVectorStore"]
