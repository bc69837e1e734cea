"""Generations of one policy, as the analysis reads them, wherever they come from.  An empty list is a missing thing."""

from dataclasses import dataclass, field


@dataclass
class Material:
    """Inputs of the analysis by role; each is a list of artifacts or parts of them.

    `name` labels the results: `policy`, or the name of a further pool; `title` is what pages call it.  `origin` says
    which row of its file each sample was.  `searches` and `larger_searches` pair the
    strategy's name with the search; `shown_search` holds all blocks of the one whose tree the report draws.
    `chain_scores` are those of the verifier `chain_verifier`: `revision_orm`, or `prm` on the answers alone.
    `parameters` holds the models' sizes where there are no models to ask, `prices` what a million tokens cost, read and
    decoded, by role, `prompts` and `larger_prompts` how long prompts are where a tokenizer is here, `ratios` the pairs
    (sequential, parallel) of revisions to report, `extract` the methods by which answers are found where there is more
    than one form.
    `checks` holds the table `pool_checks` where pools were imported.  `thoughts` and `thought_scores`: samples at
    budgets of thought, and what the PRM says of them, by budget.
    """

    name: str
    problems: list
    title: str = ""
    origin: list = field(default_factory=list)
    samples: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    orm_scores: list = field(default_factory=list)
    searches: list[tuple[str, object]] = field(default_factory=list)
    shown_search: list = field(default_factory=list)
    chains: list = field(default_factory=list)
    chain_scores: list = field(default_factory=list)
    chain_verifier: str = "revision_orm"
    chain_scores_no_history: list = field(default_factory=list)
    chain_scores_prm: list = field(default_factory=list)
    rest_chains: list = field(default_factory=list)
    larger_greedy: list = field(default_factory=list)
    larger_samples: list = field(default_factory=list)
    larger_scores: list = field(default_factory=list)
    larger_searches: list[tuple[str, object]] = field(default_factory=list)
    checks: list = field(default_factory=list)
    thoughts: dict[int, list] = field(default_factory=dict)
    thought_scores: dict[int, list] = field(default_factory=dict)
    models: dict[str, list] = field(default_factory=dict)
    parameters: dict[str, int] | None = None
    prices: dict[str, list[float]] | None = None
    prompts: list = field(default_factory=list)
    larger_prompts: list = field(default_factory=list)
    ratios: list[tuple[int, int]] | None = None
    extract: list[str] | None = None
