"""Keys of the configuration."""

from ttc.study.config import follow, load_schema


def exists(key: str) -> bool:
    """Whether the configuration's schema has a key such as `prm.training.steps`."""
    schema = load_schema()
    node = schema
    for part in key.split("."):
        node = follow(node, schema).get("properties", {}).get(part)
        if node is None:
            return False
    return True
