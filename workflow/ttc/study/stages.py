"""The stages: what each is for, what it writes and what it needs to run.  None of it is part of a key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One rule.  `suffix` "" means a directory; memory in MB and time in minutes are those of a first attempt.

    `priority`: of the jobs that are ready, the one with the highest starts first.  What the longest chains of the
    default study wait for goes first; the searches, of which many are short, fill the cores at the end.
    """

    group: str
    purpose: str
    suffix: str = ".parquet"
    gpu: bool = False
    memory: int = 1500
    minutes: int = 30
    priority: int = 0
    light: bool = False  # a core, some seconds, whatever the study's size: may run on a login node


STAGES = {
    "problems": Stage("problems", "generate or load the problems", priority=100, light=True),
    "import_pool": Stage(
        "pool", "import completions that somebody else sampled", "", memory=4000, minutes=120
    ),
    "compare_votes": Stage(
        "pool", "compare our votes with the reference votes of a pool", memory=4000, minutes=60
    ),
    "fetch_model": Stage(
        "models", "fetch and check a published model", "", minutes=600, priority=100, light=True
    ),
    "check_prompts": Stage(
        "models", "check that every prompt leaves room for an answer", priority=99, light=True
    ),
    "preflight": Stage(
        "verifiers",
        "check that a published verifier tells right from wrong",
        gpu=True,
        memory=3000,
        priority=99,
    ),
    "train_policy": Stage("models", "train the policy", "", True, 3000, 240, 98),
    "train_larger_policy": Stage("models", "train the larger policy", "", True, 4000, 480, 96),
    "sample": Stage(
        "sampling", "sample solutions from a policy", gpu=True, memory=3000, minutes=240, priority=62
    ),
    "roll_out": Stage(
        "sampling", "estimate step values by rollouts", gpu=True, memory=3000, minutes=240, priority=88
    ),
    "train_prm": Stage("verifiers", "train the process reward model", "", True, 3000, 240, 86),
    "train_orm": Stage("verifiers", "train the outcome reward model", "", True, 3000, 240, 66),
    "score": Stage(
        "verifiers", "score samples with a verifier", gpu=True, memory=3000, minutes=120, priority=64
    ),
    "search": Stage("search", "search against the process reward model", "", True, 3000, 240, 40),
    "pair_revisions": Stage("revisions", "pair incorrect and correct samples", memory=2000, priority=84),
    "train_reviser": Stage("revisions", "train the reviser", "", True, 3000, 240, 82),
    "revise": Stage("revisions", "revise answers in chains", gpu=True, memory=3000, minutes=240, priority=70),
    "train_revision_orm": Stage("revisions", "train the revisions' verifier", "", True, 3000, 240, 68),
    "score_revisions": Stage("revisions", "score revisions", gpu=True, memory=3000, minutes=120, priority=60),
    "trace_revisions": Stage("analysis", "trace what revisions do to answers", memory=2000),
    "measure_difficulty": Stage("analysis", "measure and bin difficulty", memory=2000),
    "measure_verifiers": Stage("analysis", "measure how good verifier scores are", "", memory=3000),
    "evaluate": Stage(
        "analysis", "evaluate every strategy at every budget", memory=4000, minutes=60, priority=10
    ),
    "fit_allocator": Stage("analysis", "fit the compute-optimal allocator", "", memory=3000, minutes=60),
    "match_flops": Stage(
        "analysis", "compare with the larger policy at equal FLOPs", memory=2000, light=True
    ),
    "find": Stage("analysis", "compare with the paper's claims", memory=2000, light=True),
    "plot": Stage("publication", "draw the figures", "", memory=2000, light=True),
    "gallery": Stage("publication", "lay the figures beside the paper's", ".html", light=True),
    "report": Stage("publication", "write the report", ".html", memory=2000, light=True),
    "notebook": Stage("publication", "execute the notebook", ".ipynb", memory=2000, light=True),
    "publish": Stage("publication", "lay out the study for people", memory=2000, light=True),
}
