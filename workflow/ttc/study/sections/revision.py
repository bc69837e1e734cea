"""Sequential revisions."""

from typing import Annotated, Literal

from pydantic import Field

from ttc.errors import InputError
from ttc.revision.ratios import PAPER_LARGEST
from ttc.study.sections.base import (
    Block,
    Count,
    Origin,
    Section,
    Temperature,
    check_power_of_two,
    key,
    whole,
)
from ttc.study.sections.sampling import check_temperature
from ttc.study.sections.training import (
    REVISER_TUNING,
    FineTuning,
    ReviserTraining,
    VerifierModel,
    VerifierTraining,
)

Several = whole(2)
TRAINING, PROMPT = "training", "prompt"  # what makes a model revise


class Pairs(Section):
    """Trajectories of incorrect answers and a correct one."""

    train_problems: Count = key(3000, "training problems they are made from")
    samples: Several = key(64, "samples of each of them")
    temperature: Annotated[
        Temperature, Field(description="sampling temperature, higher than elsewhere (as in the paper)")
    ] = 1.2
    per_problem: Count | None = key(
        4, "trajectories of a problem at most; null: one for every correct sample (as in the paper)"
    )


class RevisionVerifier(Section):
    """Outcome reward model of revisions, with earlier answers in its context."""

    use: bool = key(True, "whether one is trained; else the PRM, reading answers alone, or majority decides")
    train_problems: Count = key(1000, "training problems whose chains it is trained on")
    chains: Count = key(2, "chains of each")
    length: Count = key(5, "revisions in a chain")
    model: Annotated[VerifierModel, Origin("generated")] = VerifierModel()
    training: Annotated[VerifierTraining, Origin("generated")] = VerifierTraining(steps=300, batch=32)
    fine_tuning: Annotated[FineTuning, Origin("published")] = FineTuning()


class Rest(Section):
    """ReST^EM: the policy trained again, on the reviser's chains up to their first correct answer."""

    train_problems: Count = key(400, "training problems that the reviser revises")
    chains: Count = key(64, "chains of each (the paper takes 64)")
    length: Several = key(5, "answers in a chain at most")
    training: Annotated[ReviserTraining, Origin("generated")] = ReviserTraining()
    fine_tuning: Annotated[FineTuning, Origin("published")] = REVISER_TUNING
    test_chains: Count = key(4, "chains of each test problem")
    test_length: Several = key(16, "revisions in each of them")


class Revision(Section):
    """Sequential revisions (paper §6)."""

    use: bool = key(True, "whether the study has revisions")
    by: Annotated[Literal["training", "prompt"], Origin("published")] = key(
        TRAINING,
        "`training`: a reviser is trained from the policy (the paper); `prompt`: the policy itself is asked again, in "
        "the words of its prompt file, or as its training text has it (docs/models.md)",
    )
    max_context: Count = key(4, "earlier answers that a revision sees")
    pairs: Pairs = Pairs()
    training: Annotated[ReviserTraining, Origin("generated")] = ReviserTraining()
    fine_tuning: Annotated[FineTuning, Origin("published")] = REVISER_TUNING
    first_answer: Literal["policy", "reviser"] = key(
        "reviser",
        "of a chain: by the `policy`, or by the `reviser` without a context (the paper)",
    )
    max_generations: Count = key(256, "generations per question at most, a power of two")
    ratios: Literal["paper", "all"] = key(
        "paper",
        "sequential to parallel: the `paper`'s table (at 256 every second ratio), or `all`",
    )
    temperature: Temperature = 1.0
    block_problems: Block = 150
    shards_per_job: Count = key(1, "tables of chains that one scoring job reads")
    verifier: RevisionVerifier = RevisionVerifier()
    rest: Rest = Rest()

    def check(self) -> None:
        """InputError for samples that would all be equal, and for generations that the grid of ratios lacks."""
        check_temperature("revision.temperature", self.temperature, self.max_generations)
        check_temperature("revision.pairs.temperature", self.pairs.temperature, self.pairs.samples)
        if self.by == PROMPT and self.first_answer == "policy":
            raise InputError(
                "revision.first_answer: policy was given, and with revision.by: prompt the policy writes every answer; "
                "leave it out"
            )
        check_power_of_two("revision.max_generations", self.max_generations)
        if self.ratios == "paper" and self.max_generations > PAPER_LARGEST:
            raise InputError(
                f"revision.max_generations: {self.max_generations} was given; the paper's table of ratios ends at "
                f"{PAPER_LARGEST}: lower it or set revision.ratios to all"
            )

    def train_problems(self, rest_em: bool = True) -> dict[str, int]:
        """Training problems that the parts of this section need, by key; those of ReST^EM where it is measured."""
        trained = self.by == TRAINING
        used = {"pairs": trained, "verifier": self.verifier.use, "rest": trained and rest_em}
        return {
            f"revision.{name}.train_problems": getattr(self, name).train_problems
            for name in used
            if used[name]
        }
