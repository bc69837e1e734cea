"""Blocks: the parts into which work is cut, and their names; nothing here changes a result."""

from collections.abc import Iterator

# How the work is cut into jobs: it names artifacts and changes no result.
SHARDING = {
    "sampling": ("block_problems", "block_samples", "train_block_problems"),
    "prm": ("block_problems", "shards_per_job"),
    "orm": ("shards_per_job",),
    "search": ("block_problems",),
    "revision": ("block_problems", "shards_per_job"),
}


def blocks(count: int, size: int | None) -> Iterator[tuple[int, int]]:
    """[0, size), [size, 2·size), … up to `count`; one block without a size."""
    size = size or count
    return ((start, min(start + size, count)) for start in range(0, count, size))


def groups(items: list, size: int) -> Iterator[list]:
    """Consecutive `items`, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two blocks [start, stop) share something."""
    return a[0] < b[1] and b[0] < a[1]


def span(block: tuple[int, int]) -> str:
    """A block in a label, such as `0to100`."""
    return f"{block[0]}to{block[1]}"


def numbered(name: str, index: int, every: list) -> str:
    """The label of one of `every` part, such as `test-1of2`; the name alone where there is one."""
    return name if len(every) == 1 else f"{name}-{index + 1}of{len(every)}"
