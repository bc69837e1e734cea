"""The default kind of study: problems are generated, models are trained, and everything is sampled here."""

from collections.abc import Callable

from ttc.plan.artifacts import Artifact
from ttc.plan.blocks import blocks, groups, numbered, overlap, span
from ttc.plan.material import Material
from ttc.plan.revisions import add_revisions
from ttc.plan.searches import LARGER, label, searches
from ttc.search.strategy import Strategy

Add = Callable[..., Artifact]

# How the work is cut into jobs: it names artifacts and changes no result.
SHARDING = {
    "sampling": ("block_problems", "block_samples", "train_block_problems"),
    "prm": ("block_problems", "shards_per_job"),
    "orm": ("shards_per_job",),
    "search": ("block_problems",),
    "revision": ("block_problems", "shards_per_job"),
}


def plan_generated(configuration: dict, add: Add) -> Material:
    """Add the artifacts from `problems` to `score_revisions`; return what the analysis reads of them."""
    study = Study(configuration, add)
    material = Material(name="policy", problems=[study.problems])
    material.models["policy"] = [study.policy]
    larger = add(
        "train_larger_policy", "larger", study.training_spec("larger_policy"), problems=[study.problems]
    )
    material.models["larger_policy"] = [larger]
    study.train_samples = study.sample_train()
    study.add_verifiers(material)
    study.add_samples(material, larger)
    study.add_searches(material)
    if configuration["ablations"]["larger_search"]:
        study.add_larger_search(material, larger)
    add_revisions(study, material)
    return material


class Study:
    """Adds artifacts in the order in which they are made; holds those that later ones read."""

    def __init__(self, configuration: dict, add: Add):
        self.configuration = configuration
        self.add = add
        self.seed = {"seed": configuration["seed"]}
        self.tests = configuration["task"]["test_problems"]
        self.problems = add("problems", "generated", self.seed | {"task": configuration["task"]})
        self.policy = add("train_policy", "policy", self.training_spec("policy"), problems=[self.problems])
        self.train_samples: list[tuple[tuple[int, int], Artifact]] = []

    def training_spec(self, name: str) -> dict:
        section = self.configuration[name]
        return self.seed | {
            "task": self.configuration["task"],
            "model": section["model"],
            "training": section["training"],
            "first_group": section["first_group"],
            "solutions_first": section["solutions_first"],
        }

    def sample_train(self) -> list[tuple[tuple[int, int], Artifact]]:
        sampling = self.configuration["sampling"]
        return [
            (block, self.sample("train", self.policy, block, (0, sampling["train_samples"]), rank=50))
            for block in blocks(sampling["train_problems"], sampling["train_block_problems"])
        ]

    def sample(self, split, policy, problems, samples, rank=0, temperature=None, label="") -> Artifact:
        """Samples [start, stop) of a block of problems, at the study's temperature where none is given."""
        sampling = self.configuration["sampling"]
        spec = self.seed | {
            "split": split,
            "problems": list(problems),
            "samples": list(samples),
            "temperature": sampling["temperature"] if temperature is None else temperature,
            "max_tokens": sampling["max_tokens"],
        }
        label = f"{label or split}-{span(problems)}-{span(samples)}"
        return self.add("sample", label, spec, rank=rank, problems=[self.problems], policy=[policy])

    def add_samples(self, material: Material, larger: Artifact) -> None:
        """Pools of the test problems, and their verifier scores."""
        sampling = self.configuration["sampling"]
        for problems in blocks(self.tests, sampling["block_problems"]):
            for samples in blocks(sampling["samples"], sampling["block_samples"]):
                material.samples.append(self.sample("test", self.policy, problems, samples))
        every = (0, self.tests)
        material.larger_greedy = [
            self.sample("test", larger, every, (0, 1), temperature=0.0, label="larger-greedy")
        ]
        material.scores = self._score("prm", material, material.samples)
        material.orm_scores = self._score("orm", material, material.samples)

    def add_larger_search(self, material: Material, larger: Artifact) -> None:
        """The larger policy's pool and searches, scored and led by the policy's PRM."""
        sampling = self.configuration["sampling"]
        for problems in blocks(self.tests, sampling["block_problems"]):
            for samples in blocks(sampling["larger_samples"], sampling["block_samples"]):
                sampled = self.sample("test", larger, problems, samples, label="larger")
                material.larger_samples.append(sampled)
        material.larger_scores = self._score("prm", material, material.larger_samples, "larger")
        for budget in self.configuration["search"]["larger_budgets"]:
            found = self._search(material, larger, LARGER, budget, prefix="larger-")
            material.larger_searches += [(LARGER.name, each) for each in found]

    def _score(
        self, kind: str, material: Material, samples: list[Artifact], label: str = "test"
    ) -> list[Artifact]:
        verifier = material.models[kind]
        shards = list(groups(samples, self.configuration[kind]["shards_per_job"]))
        return [
            self.add(
                "score",
                numbered(f"{kind}-{label}", index, shards),
                {"kind": kind},
                problems=[self.problems],
                verifier=verifier,
                samples=group,
            )
            for index, group in enumerate(shards)
        ]

    def add_verifiers(self, material: Material) -> None:
        """Step values from rollouts, the process and the outcome reward model."""
        sampling, prm, orm = (self.configuration[name] for name in ("sampling", "prm", "orm"))
        samples = [artifact for _, artifact in self.train_samples]
        values = []
        for block in blocks(sampling["train_problems"], prm["block_problems"]):
            spec = self.seed | {
                "split": "train",
                "problems": list(block),
                "samples": [0, prm["samples"]],
                "rollouts": prm["rollouts"],
                "temperature": prm["temperature"],
                "max_tokens": sampling["max_tokens"],
            }
            needed = [artifact for other, artifact in self.train_samples if overlap(block, other)]
            label = f"train-{span(block)}"
            values.append(
                self.add(
                    "roll_out", label, spec, problems=[self.problems], policy=[self.policy], samples=needed
                )
            )
        common = {"problems": [self.problems], "policy": [self.policy], "samples": samples}
        modulus = {"modulus": self.configuration["task"]["modulus"]}  # with it the card's step AUC is exact
        material.models["prm"] = [
            self.add("train_prm", "prm", self._verifier_spec(prm) | modulus, **common, step_values=values)
        ]
        material.models["orm"] = [self.add("train_orm", "orm", self._verifier_spec(orm), **common)]

    def _verifier_spec(self, section: dict) -> dict:
        return self.seed | {
            "model": section["model"],
            "training": section["training"],
            "samples": [0, section["samples"]],
        }

    def add_searches(self, material: Material) -> None:
        """Every strategy at every budget.  Equal searches under two names (width √16 = 4) are made once."""
        made: dict[tuple[Strategy, int], list[Artifact]] = {}
        for name, strategy, budget in searches(self.configuration["search"]):
            if (strategy, budget) not in made:
                made[strategy, budget] = self._search(material, self.policy, strategy, budget)
            material.searches += [(name, each) for each in made[strategy, budget]]
        material.shown_search = next(iter(made.values()), [])

    def _search(
        self, material: Material, policy: Artifact, strategy: Strategy, budget: int, prefix: str = ""
    ) -> list[Artifact]:
        search = self.configuration["search"]
        spec = self.seed | {
            "split": "test",
            "strategy": {"kind": strategy.kind} | strategy.parameters,
            "budget": budget,
            "temperature": search["temperature"],
            "max_tokens": self.configuration["sampling"]["max_tokens"],
            **{name: search[name] for name in ("max_rounds", "max_step_tokens", "finished", "duplicates")},
        }
        if strategy.kind == "rebase":
            spec["finished"] = "shrink"  # whatever the others do (see ttc.search.rebase)
        name = prefix + label(strategy, budget)
        parts = list(blocks(self.tests, search["block_problems"]))
        return [
            self.add(
                "search",
                name if len(parts) == 1 else f"{name}-{span(block)}",
                spec | {"problems": list(block)},
                rank=min(9, strategy.generations(budget).bit_length() - 1),
                problems=[self.problems],
                policy=[policy],
                verifier=material.models["prm"],
            )
            for block in parts
        ]
