"""The default kind of study: problems are generated, models are trained, and everything is sampled here."""

import math
from collections.abc import Callable, Iterator

from ttc.plan.artifacts import Artifact
from ttc.plan.material import Material

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
    study = _Study(configuration, add)
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
    study.add_revisions(material)
    return material


class _Study:
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
            (block, self._sample("train", self.policy, block, (0, sampling["train_samples"]), rank=50))
            for block in _blocks(sampling["train_problems"], sampling["train_block_problems"])
        ]

    def _sample(self, split, policy, problems, samples, rank=0, greedy=False, label="") -> Artifact:
        sampling = self.configuration["sampling"]
        spec = self.seed | {
            "split": split,
            "problems": list(problems),
            "samples": list(samples),
            "temperature": 0.0 if greedy else sampling["temperature"],
            "max_tokens": sampling["max_tokens"],
        }
        label = f"{label or split}-{_range(problems)}-{_range(samples)}"
        return self.add("sample", label, spec, rank=rank, problems=[self.problems], policy=[policy])

    def add_samples(self, material: Material, larger: Artifact) -> None:
        """Pools of the test problems, and their verifier scores."""
        sampling = self.configuration["sampling"]
        for problems in _blocks(self.tests, sampling["block_problems"]):
            for samples in _blocks(sampling["samples"], sampling["block_samples"]):
                material.samples.append(self._sample("test", self.policy, problems, samples))
        every = (0, self.tests)
        material.larger_greedy = [
            self._sample("test", larger, every, (0, 1), greedy=True, label="larger-greedy")
        ]
        if sampling["larger_samples"]:
            samples = (0, sampling["larger_samples"])
            material.larger_samples = [self._sample("test", larger, every, samples, label="larger")]
        material.scores = self._score("prm", material)
        material.orm_scores = self._score("orm", material)

    def _score(self, kind: str, material: Material) -> list[Artifact]:
        verifier = material.models[kind]
        shards = list(_groups(material.samples, self.configuration[kind]["shards_per_job"]))
        return [
            self.add(
                "score",
                _numbered(f"{kind}-test", index, shards),
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
        for block in _blocks(sampling["train_problems"], prm["block_problems"]):
            spec = self.seed | {
                "split": "train",
                "problems": list(block),
                "samples": [0, prm["samples"]],
                "rollouts": prm["rollouts"],
                "temperature": prm["temperature"],
                "max_tokens": sampling["max_tokens"],
            }
            needed = [artifact for other, artifact in self.train_samples if _overlap(block, other)]
            label = f"train-{_range(block)}"
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
        search = self.configuration["search"]
        made: dict[tuple, list[Artifact]] = {}
        for strategy in search["strategies"]:
            depth = strategy.get("depth", 0)
            for budget in search_budgets(strategy, search["budgets"]):
                width = math.isqrt(budget) if strategy["width"] == "sqrt" else strategy["width"]
                identity = (strategy["kind"], width, depth, budget)
                if identity not in made:
                    made[identity] = self._search(material, *identity)
                material.searches += [(strategy_name(strategy), each) for each in made[identity]]
        material.shown_search = next(iter(made.values()), [])

    def _search(self, material: Material, kind: str, width: int, depth: int, budget: int) -> list[Artifact]:
        search = self.configuration["search"]
        spec = self.seed | {
            "split": "test",
            "strategy": {"kind": kind, "width": width, "depth": depth},
            "budget": budget,
            "temperature": search["temperature"],
            "max_tokens": self.configuration["sampling"]["max_tokens"],
            **{name: search[name] for name in ("max_rounds", "max_step_tokens", "finished", "duplicates")},
        }
        label = f"{kind}-m{width}" + (f"-k{depth}" if depth else "") + f"-n{budget}"
        blocks = list(_blocks(self.tests, search["block_problems"]))
        return [
            self.add(
                "search",
                label if len(blocks) == 1 else f"{label}-{_range(block)}",
                spec | {"problems": list(block)},
                rank=min(9, (budget * (depth + 1)).bit_length() - 1),
                problems=[self.problems],
                policy=[self.policy],
                verifier=material.models["prm"],
            )
            for block in blocks
        ]

    def add_revisions(self, material: Material) -> None:
        """The reviser, its chains on the test problems, their verifier and its scores."""
        revision = self.configuration["revision"]
        context = {"max_context": revision["max_context"]}
        samples = [artifact for _, artifact in self.train_samples]
        pairs = self.add(
            "pair_revisions",
            "train",
            self.seed | context | revision["pairs"],
            problems=[self.problems],
            samples=samples,
        )
        spec = self.seed | context | {"training": revision["training"]}
        reviser = self.add(
            "train_reviser", "reviser", spec, problems=[self.problems], policy=[self.policy], pairs=[pairs]
        )
        verifier = revision["verifier"]
        taught = self._revise(
            "train",
            reviser,
            (0, verifier["train_problems"]),
            [verifier["length"]] * verifier["chains"],
            rank=2,
        )
        spec = self.seed | context | {"model": verifier["model"], "training": verifier["training"]}
        orm = self.add(
            "train_revision_orm",
            "revision_orm",
            spec,
            problems=[self.problems],
            reviser=[reviser],
            chains=[taught],
        )
        lengths = chain_lengths(revision["max_generations"], revision["full_chains"])
        for block in _blocks(self.tests, revision["block_problems"]):
            material.chains.append(self._revise("test", reviser, block, lengths))
        shards = list(_groups(material.chains, revision["shards_per_job"]))
        material.chain_scores = [
            self.add(
                "score_revisions",
                _numbered("test", index, shards),
                context,
                problems=[self.problems],
                verifier=[orm],
                chains=group,
            )
            for index, group in enumerate(shards)
        ]
        material.models |= {"reviser": [reviser], "revision_orm": [orm]}

    def _revise(self, split, reviser, problems, lengths, rank=0) -> Artifact:
        revision = self.configuration["revision"]
        spec = self.seed | {
            "split": split,
            "problems": list(problems),
            "lengths": lengths,
            "max_context": revision["max_context"],
            "first_answer": revision["first_answer"],
            "temperature": revision["temperature"],
            "max_tokens": self.configuration["sampling"]["max_tokens"],
        }
        label = f"{split}-{_range(problems)}"
        policy = [self.policy] if revision["first_answer"] == "policy" else []
        return self.add(
            "revise", label, spec, rank=rank, problems=[self.problems], reviser=[reviser], policy=policy
        )


def strategy_name(strategy: dict) -> str:
    """How a search is called in tables and figures, such as `lookahead(width=4, depth=3)`."""
    depth = f", depth={strategy['depth']}" if "depth" in strategy else ""
    return f"{strategy['kind']}(width={strategy['width']}{depth})"


def search_budgets(strategy: dict, budgets: list[int]) -> list[int]:
    """Beams N of a search: its own, or those whose bill N·(depth + 1) does not exceed the largest of `budgets`."""
    bill = strategy.get("depth", 0) + 1
    return strategy.get("budgets") or [n for n in budgets if n * bill <= max(budgets)]


def chain_lengths(generations: int, full: int) -> list[int]:
    """Lengths of the chains of one question, enough for every split of up to `generations` (a power of two).

    With S·P <= generations, powers of two, S revisions in each of P chains need chain number i (from 1) to be
    generations / i long, rounded down to a power of two.  The first `full` chains have full length, for
    pass@1 per step.
    """
    lengths = []
    for number in range(1, generations + 1):
        needed = 1 << ((generations // number).bit_length() - 1)
        lengths.append(generations if number <= full else needed)
    return lengths


def _blocks(count: int, size: int | None) -> Iterator[tuple[int, int]]:
    """[0, size), [size, 2·size), … up to `count`; one block without a size."""
    size = size or count
    return ((start, min(start + size, count)) for start in range(0, count, size))


def _groups(items: list, size: int) -> Iterator[list]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _range(block: tuple[int, int]) -> str:
    return f"{block[0]}to{block[1]}"


def _numbered(name: str, index: int, every: list) -> str:
    return name if len(every) == 1 else f"{name}-{index + 1}of{len(every)}"
