"""Keys of the configuration."""

from ttc.study.sections.configuration import Configuration
from ttc.study.tree import at, tree


def exists(key: str) -> bool:
    """Whether the configuration has a key such as `prm.training.steps`."""
    return bool(at(tree(Configuration), tuple(key.split("."))))
