"""Kept answers of chains: those behind an answer that was lost are dropped, since they were written with it in view."""

import polars as pl

from ttc.runtime import Work

KEY = ("problem_id", "chain", "step")


def unbroken(table: pl.DataFrame) -> pl.DataFrame:
    """The answers of each chain up to the first that is missing, by problem, chain and step; of equal keys the last."""
    whole = table.unique(KEY, keep="last", maintain_order=True).sort(KEY)
    return whole.filter(pl.col("step") == pl.int_range(pl.len()).over("problem_id", "chain"))


def mend(work: Work) -> None:
    """Have `work` hold unbroken chains only.  A crash may have damaged a block in the middle of what was kept."""
    if not work.blocks:
        return
    table = work.table("chains")
    whole = unbroken(table)
    if len(whole) == len(table):
        return
    print(
        f"  {len(table) - len(whole)} answers stand behind ones that were lost, and are written again",
        flush=True,
    )
    others = {name for block in work.blocks for name in block} - {"chains"}
    work.restart(chains=whole, **{name: work.table(name) for name in sorted(others)})
