"""Tree search against a verifier: beam search and lookahead (paper §5.2)."""

from ttc.search.beam import search
from ttc.search.strategy import Options, Strategy, from_spec, parse
from ttc.search.tree import Bill, Candidate, Node, SearchResult

__all__ = ["Bill", "Candidate", "Node", "Options", "SearchResult", "Strategy", "from_spec", "parse", "search"]
