"""Studies that sample here: from problems and policies to samples, searches and revisions."""

from ttc.search.strategy import Strategy
from ttc.strategies import file_label
from ttc.study.artifact import Artifact
from ttc.study.blocks import blocks, groups, numbered, overlap, span
from ttc.study.graph.base import Add, Base
from ttc.study.graph.generations import Material
from ttc.study.graph.revisions import add_revisions
from ttc.study.graph.thinking import add_thoughts, score_thoughts
from ttc.study.sections.configuration import Configuration
from ttc.study.sections.sampling import Orm, Prm
from ttc.study.sections.search import Asked


def plan_sampled(configuration: Configuration, add: Add, base: Base) -> Material:
    """Add the artifacts from samples to `score_revisions`; return what the analysis reads of them."""
    study = Study(configuration, add, base)
    material = Material(name="policy", problems=[study.problems])
    material.models["policy"] = [study.policy]
    material.extract, material.parameters, material.prices = base.extract, base.parameters, base.prices
    larger = base.add_larger()
    if base.prices is not None:  # prompts are read, too
        material.prompts = base.checked(study.policy).get("checked", [])
        material.larger_prompts = [] if larger is None else base.checked(larger).get("checked", [])
    material.models["larger_policy"] = [] if larger is None else [larger]
    study.add_verifiers(material)
    study.add_samples(material)
    if configuration.sampling.thinking is not None:
        add_thoughts(study, material)
    if larger is not None:
        study.add_larger_greedy(material, larger)
    study.add_scores(material)
    score_thoughts(study, material)
    if configuration.searches:
        study.add_searches(material)
    if larger is not None and configuration.searches and configuration.ablations.larger_search:
        study.add_larger_search(material, larger)
    if configuration.revision.use:
        add_revisions(study, material)
    return material


class Study:
    """Adds artifacts in the order in which they are made; holds those that later ones read."""

    def __init__(self, configuration: Configuration, add: Add, base: Base):
        self.configuration, self.add, self.base = configuration, add, base
        self.seed = base.seed
        self.tests, self.problems, self.policy = base.tests, base.problems, base.policy
        self.preflight: dict[str, list[Artifact]] = {}
        self.train_samples: list[tuple[tuple[int, int], Artifact]] = []

    def sample_train(self) -> list[tuple[tuple[int, int], Artifact]]:
        sampling = self.configuration.sampling
        return [
            (block, self.sample("train", self.policy, block, (0, sampling.train_samples), rank=50))
            for block in blocks(sampling.train_problems, sampling.train_block_problems)
        ]

    def sample(self, split, policy, problems, samples, rank=0, temperature=None, label="") -> Artifact:
        """Samples [start, stop) of a block of problems, at the study's temperature where none is given."""
        sampling = self.configuration.sampling
        spec = self.seed | {
            "split": split,
            "problems": list(problems),
            "samples": list(samples),
            "temperature": sampling.temperature if temperature is None else temperature,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.confidence.window is not None and split == "test":
            spec["confidence"] = sampling.confidence.model_dump()
        spec |= self.base.generating("sample", policy is not self.policy)
        label = f"{label or split}-{span(problems)}-{span(samples)}"
        checked = self.base.checked(policy)
        return self.add(
            "sample", label, spec, rank=rank, problems=[self.problems], policy=[policy], **checked
        )

    def add_samples(self, material: Material) -> None:
        """Pools of the test problems."""
        sampling = self.configuration.sampling
        for problems in blocks(self.tests, sampling.block_problems):
            for samples in blocks(sampling.samples, sampling.block_samples):
                material.samples.append(self.sample("test", self.policy, problems, samples))

    def add_larger_greedy(self, material: Material, larger: Artifact) -> None:
        """The larger policy's one greedy solution of each test problem."""
        every = (0, self.tests)
        material.larger_greedy = [
            self.sample("test", larger, every, (0, 1), temperature=0.0, label="larger-greedy")
        ]

    def add_scores(self, material: Material) -> None:
        """The verifiers' scores of the pools of the test problems."""
        if "prm" in material.models:
            material.scores = self.score("prm", material, material.samples)
        if "orm" in material.models:
            material.orm_scores = self.score("orm", material, material.samples)

    def add_larger_search(self, material: Material, larger: Artifact) -> None:
        """The larger policy's pool and searches, scored and led by the policy's PRM."""
        sampling = self.configuration.sampling
        for problems in blocks(self.tests, sampling.block_problems):
            for samples in blocks(sampling.larger_samples, sampling.block_samples):
                sampled = self.sample("test", larger, problems, samples, label="larger")
                material.larger_samples.append(sampled)
        material.larger_scores = self.score("prm", material, material.larger_samples, "larger")
        for asked in self.configuration.search.larger_searches():
            for repeat in range(asked.repeats):
                found = self._search(material, larger, asked, repeat, prefix="larger-")
                material.larger_searches += [(asked.name, each) for each in found]

    def score(
        self, kind: str, material: Material, samples: list[Artifact], label: str = "test"
    ) -> list[Artifact]:
        """A verifier's scores of tables of samples."""
        verifier = material.models[kind]
        shards = list(groups(samples, self._section(kind).shards_per_job))
        return [
            self.add(
                "score",
                numbered(f"{kind}-{label}", index, shards),
                {"kind": kind} | self.base.scoring(kind),
                problems=[self.problems],
                verifier=verifier,
                samples=group,
                **self.preflighted(kind),
            )
            for index, group in enumerate(shards)
        ]

    def add_verifiers(self, material: Material) -> None:
        """The process and the outcome reward model that the study has: published, or trained on training problems."""
        kinds = [kind for kind in ("prm", "orm") if self._section(kind).use]
        for kind in kinds:
            if given := self.base.given_verifier(kind):
                material.models[kind], self.preflight[kind] = given
        missing = [kind for kind in kinds if kind not in material.models]
        if missing:
            self.train_samples = self.sample_train()
            samples = [artifact for _, artifact in self.train_samples]
            common = {"problems": [self.problems], "policy": [self.policy], "samples": samples}
            for kind in missing:
                material.models[kind] = [
                    self._train_prm(common) if kind == "prm" else self._train_orm(common)
                ]

    def _train_prm(self, common: dict[str, list]) -> Artifact:
        """Step values from rollouts, and the model that is trained on them."""
        sampling, prm = self.configuration.sampling, self.configuration.prm
        values = []
        for block in blocks(sampling.train_problems, prm.block_problems):
            spec = self.seed | {
                "split": "train",
                "problems": list(block),
                "samples": [0, prm.samples],
                "rollouts": prm.rollouts,
                "temperature": prm.temperature,
                "max_tokens": sampling.max_tokens,
                **self.base.generating("roll_out"),
            }
            needed = [artifact for other, artifact in self.train_samples if overlap(block, other)]
            made_by = {"problems": [self.problems], "policy": [self.policy], "samples": needed}
            values.append(self.add("roll_out", f"train-{span(block)}", spec, **made_by))
        spec = self._verifier_spec("prm") | self.base.measuring_steps()
        return self.add("train_prm", "prm", spec, **common, step_values=values)

    def _train_orm(self, common: dict[str, list]) -> Artifact:
        return self.add("train_orm", "orm", self._verifier_spec("orm"), **common)

    def _verifier_spec(self, kind: str) -> dict:
        section = self._section(kind)
        trained = self.base.training(section) | self.base.reading(kind)
        return self.seed | trained | {"samples": [0, section.samples]}

    def _section(self, kind: str) -> Prm | Orm:
        return getattr(self.configuration, kind)

    def preflighted(self, kind: str) -> dict[str, list[Artifact]]:
        """The preflight of a published verifier, which what it scores waits for."""
        return {"preflight": self.preflight[kind]} if kind in self.preflight else {}

    def add_searches(self, material: Material) -> None:
        """Every strategy at every budget.  Equal searches under two names (width √16 = 4) are made once."""
        made: dict[tuple[Strategy, int, int], list[Artifact]] = {}
        for asked in self.configuration.search.searches():
            for repeat in range(asked.repeats):
                run = (asked.strategy, asked.budget, repeat)
                if run not in made:
                    made[run] = self._search(material, self.policy, asked, repeat)
                material.searches += [(asked.name, each) for each in made[run]]
        material.shown_search = next(iter(made.values()), [])

    def _search(
        self, material: Material, policy: Artifact, asked: Asked, repeat: int, prefix: str = ""
    ) -> list[Artifact]:
        """The blocks of one run.  The first run has no number: its key is that of a study without repeats."""
        search = self.configuration.search
        strategy, budget = asked.strategy, asked.budget
        spec = self.seed | {
            "split": "test",
            "strategy": strategy.spec,
            "budget": budget,
            "temperature": search.temperature,
            "max_tokens": self.configuration.sampling.max_tokens,
            **search.model_dump(include={"max_rounds", "max_step_tokens", "finished", "duplicates"}),
            **self.base.generating("search", policy is not self.policy),
            **self.base.following("prm"),
        }
        if strategy.declaration["finished"] is not None:
            spec["finished"] = strategy.declaration["finished"]
        name = prefix + file_label(strategy.name, budget)
        if repeat:
            spec["repeat"] = repeat
            name = f"{name}-repeat{repeat}"
        parts = list(blocks(self.tests, search.block_problems))
        return [
            self.add(
                "search",
                name if len(parts) == 1 else f"{name}-{span(block)}",
                spec | {"problems": list(block)},
                rank=min(9, strategy.generations(budget).bit_length() - 1),
                problems=[self.problems],
                policy=[policy],
                verifier=material.models["prm"],
                **self.base.checked(policy),
                **self.preflighted("prm"),
            )
            for block in parts
        ]
