"""Search: by meaning, by words, or both, over the passages of documents that pass a filter."""

from docrelay.search.filters import Filters
from docrelay.search.run import search

__all__ = ["Filters", "search"]
