"""LangChain vector store over the vector sets of vset."""

from .vectorstore import VSetVectorStore

__all__ = ["VSetVectorStore"]
