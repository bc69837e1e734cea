"""The tables of one finished study, and how to look up a curve or the outcomes of one strategy in them.

Figures, claims and notebooks ask here, so that "not measured" has one form everywhere.
"""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ttc.errors import InputError
from ttc.tables.analysis import (
    ALLOCATION,
    ALLOCATOR_CALIBRATION,
    CALIBRATION,
    CURVES,
    DIFFICULTY,
    EXCHANGE,
    OUTCOMES,
    PER_QUESTION,
    RESAMPLED,
    TRANSITIONS,
    VERIFIER_QUALITY,
)
from ttc.tables.best import BEST
from ttc.tables.comparison import POOL_ACCURACY, POOL_EXCHANGE, POOL_PAIRS
from ttc.tables.extrapolation import EXTRAPOLATION
from ttc.tables.hybrid import HYBRID, HYBRID_BREAK_EVEN, HYBRID_CHOICES
from ttc.tables.money import MONEY_CURVES, MONEY_MATCHED
from ttc.tables.pools import POOL_CHECKS
from ttc.tables.publication import FINDINGS
from ttc.tables.revisions import CHAIN_SCORES, CHAINS
from ttc.tables.spending import BREAK_EVEN, SPENDING, SPENT
from ttc.tables.stopping import STOPPING, STOPPING_CURVES
from ttc.tables.thinking import THINKING, THINKING_CURVES

# What a study is read for
TABLES = {
    table.name: table
    for table in (
        DIFFICULTY,
        OUTCOMES,
        CURVES,
        ALLOCATION,
        ALLOCATOR_CALIBRATION,
        PER_QUESTION,
        RESAMPLED,
        EXCHANGE,
        CALIBRATION,
        VERIFIER_QUALITY,
        STOPPING,
        STOPPING_CURVES,
        TRANSITIONS,
        CHAINS,
        CHAIN_SCORES,
        FINDINGS,
        POOL_CHECKS,
        POOL_ACCURACY,
        POOL_PAIRS,
        POOL_EXCHANGE,
        SPENDING,
        SPENT,
        BREAK_EVEN,
        HYBRID,
        HYBRID_CHOICES,
        HYBRID_BREAK_EVEN,
        EXTRAPOLATION,
        BEST,
        THINKING,
        THINKING_CURVES,
        MONEY_CURVES,
        MONEY_MATCHED,
    )
}
# Why a study may lack a table, in words
ABSENT = {
    "exchange": "the study compares with no larger policy",
    "chains": "the study has no chains of revisions",
    "transitions": "the study has no chains of revisions",
    "allocator_calibration": "there is no strategy to choose among",
    "difficulty": "the study measured no difficulty",
    "stopping": "no stopping rule was measured",
    "stopping_curves": "no stopping rule was measured",
    "pool_accuracy": "the study has one pool of samples",
    "pool_pairs": "the study has one pool of samples",
    "pool_exchange": "no two pools have models of different `parameters`",
    "pool_checks": "the study sampled its completions itself",
    "spending": "no budget was spread across questions",
    "spent": "no budget was spread across questions",
    "break_even": "no budget was spread across questions",
    "hybrid": "no hybrid was measured",
    "hybrid_choices": "no hybrid was measured",
    "hybrid_break_even": "no hybrid was measured",
    "best": "fewer than two strategies were measured at any budget",
    "thinking": "the study has no budgets of thought",
    "thinking_curves": "the study has no budgets of thought",
    "money_curves": "the cost of no strategy is known",
    "money_matched": "the study compares with no larger policy whose cost is known",
    "extrapolation": "there are fewer than four samples of a question",
}
ALL = 0  # the bin that holds all questions


class NotMeasured(Exception):
    """The study has no such data; the message says which, as the end of a sentence."""


@dataclass(frozen=True)
class Study:
    """Tables by name (`curves`, `outcomes`, …); a study that lacks a table does not have its name."""

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pl.DataFrame:
        """The table, or NotMeasured where the study has none or an empty one."""
        frame = self.frames.get(name)
        if frame is None or frame.is_empty():
            raise NotMeasured(ABSENT.get(name, f"the study has no table of {name}"))
        return frame

    def curve(
        self, family: str, strategy: str, selection: str | None = None, bins: str = "none", bin: int = ALL
    ) -> pl.DataFrame:
        """Rows of `curves` by rising budget.  Without `selection`, the strategy must have been measured with one."""
        wanted = {"family": family, "strategy": strategy, "bins": bins, "bin": bin}
        if selection is not None:
            wanted["selection"] = selection
        rows = self.table("curves").filter(**wanted).sort("budget")
        if rows.is_empty():
            where = f" in bin {bin} ({bins} bins)" if bin else ""
            raise NotMeasured(f"{strategy} was not measured{where}")
        if rows["selection"].n_unique() > 1:
            raise ValueError(f"{strategy} was measured with several selection rules; name one")
        return rows

    def has(self, *curve, **wanted) -> bool:
        """Whether `curve(...)` with the same arguments exists."""
        try:
            self.curve(*curve, **wanted)
        except NotMeasured:
            return False
        return True

    def strategies(self, family: str, selection: str | None = None) -> list[str]:
        """Strategies of a family that have a curve over all questions, sorted by name."""
        rows = self.table("curves").filter(family=family, bin=ALL)
        if selection is not None:
            rows = rows.filter(selection=selection)
        return sorted(rows["strategy"].unique())

    def outcomes(self, family: str, strategy: str, selection: str, budget: int) -> pl.DataFrame:
        """Columns problem_id and correct of one strategy at one budget, or NotMeasured."""
        wanted = {"family": family, "strategy": strategy, "selection": selection, "budget": budget}
        rows = self.table("outcomes").filter(**wanted).select("problem_id", "correct")
        if rows.is_empty():
            raise NotMeasured(
                f"{strategy} ({selection}) was not measured at {budget} generations per question"
            )
        return rows

    def budgets(self, family: str, strategy: str, selection: str) -> list[int]:
        """Budgets at which a strategy was measured, rising; empty where it was not."""
        rows = self.table("outcomes").filter(family=family, strategy=strategy, selection=selection)
        return sorted(rows["budget"].unique())

    @property
    def verifier(self) -> str | None:
        """What scored the samples: `PRM`, or `ORM` where it gave one score to each solution; None where nothing did."""
        vote = {"family": "search", "strategy": "best_of_n_weighted"}
        if not (self.measured("curves", **vote) or self.measured("outcomes", **vote)):
            return None
        outcome = self.measured("verifier_quality", verifier="orm")
        return "ORM" if outcome and not self.measured("verifier_quality", verifier="prm") else "PRM"

    def measured(self, name: str, **wanted) -> bool:
        """Whether the table has rows with these values."""
        frame = self.frames.get(name)
        return frame is not None and not frame.filter(**wanted).is_empty()

    def counts(self) -> dict[str, object]:
        """What was measured, as captions name it (`ttc.figures.captions.MEASURED`); what was not is left out."""
        known: dict[str, object] = {}
        if "difficulty" in self.frames:
            table = self.frames["difficulty"]
            known = {"questions": len(table), "predicted": len(table.drop_nulls("predicted_bin"))}
        if self.measured("curves", bin=ALL):
            # Fewer where some questions have too few samples for a curve
            known["questions"] = self.frames["curves"].filter(bin=ALL)["problems"].max()
        known |= {"verifier": self.verifier, "second_verifier": self._second_verifier()}
        known |= self._revision_choosers()
        if self.measured("exchange"):
            known["larger_policy"] = "the larger policy"
        if self.measured("calibration", level="step"):
            known["step_scores"] = "step scores"
        return {name: value for name, value in known.items() if value}

    def token_basis(self, names: dict[str, str]) -> list[str]:
        """A sentence for each pool (name: what it is called) of whose samples only some have recorded tokens."""
        checks = self.frames.get("pool_checks")
        rows = [] if checks is None else checks.sort(pl.col("pool") != "policy", "pool").to_dicts()
        return [
            f"Tokens and FLOPs of {names[row['pool']]} rest on the {known:,} of {row['samples']:,} samples whose "
            "tokens are recorded."
            for row in rows
            if row["pool"] in names and 0 < (known := row["samples"] - row["missing_tokens"]) < row["samples"]
        ]

    def _revision_choosers(self) -> dict[str, str | None]:
        """Who chose among revisions: a verifier trained for it, the samples' own, or majority."""
        measured = [
            rule
            for rule in ("hierarchical", "majority")
            if self.measured("curves", family="revisions", selection=rule)
        ]
        trained = self.measured("verifier_quality", verifier="revision_orm")
        verifier = "the revision verifier" if trained else f"the {self.verifier or 'PRM'}"
        in_full = verifier if trained else f"{verifier}, which reads each answer alone"
        words = {"hierarchical": verifier, "majority": "majority"}
        beside = ("{} (left) and by {} (right)" if len(measured) > 1 else "{}").format(
            *(words[each] for each in measured or words)
        )
        return {
            "revision_verifier": in_full if "hierarchical" in measured else None,
            "revision_choosers": " or by ".join(words[each] for each in measured),
            "revision_panels": beside if measured else None,
        }

    def _second_verifier(self) -> str | None:
        return "ORM" if self.measured("curves", family="search", strategy="orm_best_of_n_weighted") else None

    def exchange(self, family: str, bins: str = "oracle", version: str = "v1") -> pl.DataFrame:
        """Rows of `exchange` of one family by bin and ratio; of another formula where `version` was not asked for."""
        rows = self.table("exchange").filter(family=family, bins=bins).sort("bin", "ratio")
        if rows.is_empty():
            raise NotMeasured(f"{family} was not compared with a larger policy ({bins} bins)")
        versions = sorted(rows["version"].unique())
        return rows.filter(version=version if version in versions else versions[0])

    def bins(self, kind: str) -> list[int]:
        """Difficulty bins of a kind (oracle, predicted) that hold questions, easiest first."""
        values = self.table("difficulty")[f"{kind}_bin"].drop_nulls()
        if values.is_empty():
            raise NotMeasured(f"the study has no {kind} difficulty")
        return sorted(values.unique())


def load(**paths: Path | str | list | None) -> Study:
    """A study from table name = path (or paths of shards); None and empty lists are tables that it lacks.

    Solutions come without their texts, which are most of their bytes.
    """
    frames = {}
    for name, path in paths.items():
        if path:
            schema = TABLES[name]
            files = [Path(each) for each in (path if isinstance(path, list) else [path])]
            light = [column for column in schema.held(schema.common(files)) if column != "text"]
            frames[name] = schema.read(path, light)
    return Study(frames)


def load_folder(folder: Path | str) -> Study:
    """A study from the folder that `results/<study>/tables` is; tables that it lacks stay out.

    Raises InputError where that is no folder of tables of a study.
    """
    found = {name: Path(folder) / f"{name}.parquet" for name in TABLES}
    present = {name: path for name, path in found.items() if path.exists()}
    if "curves" not in present:
        raise InputError(f"{folder}: a finished study has curves.parquet there, and this folder does not")
    return load(**present)
