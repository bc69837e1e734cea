"""The whole configuration of a study, and checks of keys from different sections."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ttc.errors import InputError
from ttc.problems.task import AGAIN, load
from ttc.study.sections import declared
from ttc.study.sections.analysis import Allocation, Difficulty, Evaluation, Exchange, Findings, Stopping
from ttc.study.sections.base import TAKEN, Different, Natural, Origin, Section, check_at_most, key, stated
from ttc.study.sections.extrapolation import Extrapolation
from ttc.study.sections.judging import Judge
from ttc.study.sections.models import Checkpoint, LargerPolicy, Policy, VerifierCheckpoint
from ttc.study.sections.pools import Source
from ttc.study.sections.prices import Priced, check_currencies, of_models, of_pools
from ttc.study.sections.problems import Problems
from ttc.study.sections.publication import Ablations, Figures, Notebooks, Report
from ttc.study.sections.revision import TRAINING, Revision
from ttc.study.sections.running import Engine, Runtime
from ttc.study.sections.sampling import Orm, Prm, Sampling
from ttc.study.sections.search import Search
from ttc.study.sections.served import Price, Served
from ttc.study.sections.spending import Spending
from ttc.study.sections.thinking import check_field

GENERATED, PUBLISHED, POOL = "generated", "published", "pool"
_OWN = {
    "store",
    "logs",
    "benchmarks",
    "bench",
    "equality",
    "cache",
    "adopted",
}  # folders of results/ that are no study's


def _free(name: str) -> str:
    if name in _OWN:
        raise PydanticCustomError(TAKEN, "taken")
    return name


# At least two: one is `seed`
Seeds = Annotated[list[Natural], Field(min_length=2), Different]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$"), AfterValidator(_free)]


class Study(Section):
    """What the study is called."""

    name: Name = key("default", "name of the study; its results lie in results/<name>")


class Configuration(Section):
    """A study."""

    study: Study = Study()
    seed: Natural = key(0, "every random choice is a function of this number and of where it is made")
    seeds: Annotated[Seeds | None, Origin(GENERATED, PUBLISHED)] = key(
        None,
        "replicates: models are trained, and solutions sampled, once with each of these numbers, on the same problems, "
        "which are those of `seed`; null: once, with `seed` (docs/comparing.md)",
    )
    source: Source | None = key(
        None, "completions that somebody else sampled, instead of generated problems and trained models"
    )
    problems: Annotated[Problems | None, Origin(PUBLISHED)] = key(
        None, "real problems, for published models, instead of generated ones (docs/models.md)"
    )
    task: Annotated[declared.Task, Origin(GENERATED)] = declared.DEFAULT
    policy: Annotated[Policy, Origin(GENERATED, PUBLISHED)] = Policy()
    larger_policy: Annotated[LargerPolicy, Origin(GENERATED, PUBLISHED)] = LargerPolicy()
    sampling: Annotated[Sampling, Origin(GENERATED, PUBLISHED)] = Sampling()
    prm: Annotated[Prm, Origin(GENERATED, PUBLISHED)] = Prm()
    orm: Annotated[Orm, Origin(GENERATED, PUBLISHED)] = Orm()
    search: Annotated[Search, Origin(GENERATED, PUBLISHED)] = Search()
    revision: Annotated[Revision, Origin(GENERATED, PUBLISHED)] = Revision()
    difficulty: Difficulty = Difficulty()
    evaluation: Evaluation = Evaluation()
    allocation: Allocation = Allocation()
    stopping: Stopping = Stopping()
    spending: Spending = Spending()
    extrapolation: Extrapolation = Extrapolation()
    exchange: Exchange = Exchange()
    findings: Findings = Findings()
    figures: Figures = Figures()
    report: Report = Report()
    notebooks: Notebooks = Notebooks()
    ablations: Ablations = Ablations()
    engine: Annotated[Engine, Origin(PUBLISHED)] = Engine()
    runtime: Runtime = Runtime()

    @property
    def origin(self) -> Literal["generated", "published", "pool"]:
        """Where problems and samples come from."""
        if self.source is not None:
            return POOL
        return GENERATED if self.problems is None else PUBLISHED

    def check(self) -> None:
        """Raise InputError, one sentence, for the first pair of keys that do not fit."""
        if self.source is not None and self.problems is not None:
            raise InputError("problems: it was given beside `source`; a study has one of them")
        if self.source is not None and self.seeds is not None:
            raise InputError(
                "seeds: a study of pools trains and samples nothing; `ttc compare` compares two of them"
            )
        if self.origin == GENERATED:
            self._check_generated()
        if self.origin == PUBLISHED:
            self._check_published()
        if self.origin != POOL:
            self.prm.check(self.sampling)
            self.orm.check(self.sampling)
            self.sampling.check()
            self.revision.check()
            self.search.check(self.prm.use)
        self.evaluation.check()
        self.stopping.check()
        self.spending.check()
        self.figures.check()
        if self.origin != POOL:
            self._check_budgets()
        self._check_prices()
        self.runtime.check()

    @property
    def replicates(self) -> list[int]:
        """The seed of each training: several where the study has `seeds`, else its own."""
        return self.seeds or [self.seed]

    def check_pinned(self) -> None:
        """InputError for a model of the hub that no commit names: such a study is planned, and not run."""
        for name, checkpoint in self.checkpoints.items():
            checkpoint.check_pinned(f"{name}.checkpoint")

    @property
    def checkpoints(self) -> dict[str, Checkpoint]:
        """The published models that the study uses, by their section."""
        given = {name: getattr(self, name).checkpoint for name in ("policy", "larger_policy", "prm")}
        return {
            name: checkpoint
            for name, checkpoint in given.items()
            if checkpoint is not None and (name != "prm" or self.prm.use) and name not in self.asked_verifiers
        }

    @property
    def verifier(self) -> VerifierCheckpoint | None:
        """The published verifier, or the judge, that the study uses."""
        return self.prm.checkpoint if self.prm.use else None

    @property
    def asked_verifiers(self) -> dict[str, Served]:
        """The verifiers that are behind servers, and of which nothing is here, by their section."""
        return {} if self.verifier is None or self.verifier.hosted else self.served_verifiers

    @property
    def served_verifiers(self) -> dict[str, Served]:
        """These, and those whose layers a server computes."""
        served = None if self.verifier is None else self.verifier.served
        return {} if served is None else {"prm": served}

    @property
    def prices(self) -> dict[str, Price]:
        """What a million tokens of each model cost, by the section of the model; nothing where the policy has no price.

        Then no strategy's cost is known, and prices are for `ttc plan` alone.
        """
        found = {name: price for name, (_, price) in self._priced.items()}
        return found if self.source is not None or "policy" in found else {}

    @property
    def _priced(self) -> Priced:
        if self.source is not None:
            return of_pools(self.source.pools)
        if self.origin != PUBLISHED:
            return {}
        return of_models({"policy": self.policy, "larger_policy": self.larger_policy}, self.verifier)

    @property
    def currency(self) -> str | None:
        """What the prices are in; None without prices."""
        return next((price.currency for _, price in self._priced.values()), None)

    def _check_prices(self) -> None:
        if self.spending.hybrid_unit == "money" and not self.prices:
            raise InputError(
                "spending.hybrid_unit: money was given, and the policy has no price: give one, as in docs/money.md, or "
                "flops, tokens or generations"
            )
        check_currencies(self._priced)

    def _check_generated(self) -> None:
        for name in ("policy", "larger_policy", "prm"):
            if getattr(getattr(self, name), "served", None) is not None:
                raise InputError(
                    f"{name}.served: a model behind a server answers real problems; give `problems`, too"
                )
            if getattr(self, name).checkpoint is not None:
                raise InputError(
                    f"{name}.checkpoint: a published model answers real problems; give `problems`, too"
                )
            if getattr(getattr(self, name), "thought", None) is not None:
                raise InputError(
                    f"{name}.thought: it was given, and models of generated problems do not think; it is for studies "
                    "with `problems`"
                )
        self.policy.check_generated("policy")
        self.larger_policy.check_generated("larger_policy")
        if self.sampling.thinking is not None:
            raise InputError(
                "sampling.thinking: it was given, and models of generated problems do not think; it is for studies "
                "with `problems`"
            )
        self._check_window()
        needed = (
            {"sampling.train_problems": self.sampling.train_problems} if any(self.trained.values()) else {}
        )
        needed |= self.revision.train_problems() if self.revises else {}
        for name, value in needed.items():
            check_at_most(name, value, "task.train_problems", self.task.train_problems)
        check_at_most("difficulty.bins", self.difficulty.bins, "task.test_problems", self.task.test_problems)

    def _check_window(self) -> None:
        """The longest sequence, a revision after full earlier answers, has to fit the policy's window."""
        task, longest = self.task.model_dump(), self.sampling.max_tokens
        generated = load(task)
        context = max(self.revision.max_context, generated.most_attempts(task))
        needed = context * (longest + AGAIN) + generated.longest_prompt(task) + longest
        window = self.policy.model.window
        if needed > window:
            raise InputError(
                f"policy.model.window: {stated(self.policy.model, 'window')}, and {context} earlier answers of "
                f"sampling.max_tokens = {longest} tokens with a question and a revision need {needed}"
            )

    def _check_published(self) -> None:
        if self.policy.checkpoint is None and self.policy.served is None:
            raise InputError(
                "policy.checkpoint: none was given; with `problems` the policy is a published model (`hub` or `path`), "
                "or behind a server (`policy.served`)"
            )
        for name, served in self.served.items():
            if getattr(self, name).checkpoint is not None:
                raise InputError(
                    f"{name}.served: it was given beside {name}.checkpoint; a policy is one of them"
                )
            served.check(f"{name}.served")
        for name, checkpoint in self.checkpoints.items():
            checkpoint.check(f"{name}.checkpoint")
        if self.asked_verifiers:
            self.verifier.check("prm.checkpoint")
        self._check_thinking()
        self._check_served()
        self._check_training()
        self.problems.check_amount("difficulty.bins", self.difficulty.bins, "test")
        needed = {}
        if any(self.trained.values()):
            needed["sampling.train_problems"] = self.sampling.train_problems
        if self.revises:
            needed |= self.revision.train_problems(self.ablations.rest_em)
        for name, value in needed.items():
            self.problems.check_amount(name, value, "train")
        here = self.checkpoints.get("prm")
        self.engine.check(here and here.kind, bool(self.served))
        self.engine.check_linear(self.checkpoints, self.runtime.device)
        if self.verifier is not None and self.verifier.judging is not None:
            self._check_judge(self.verifier.judging)

    def _check_thinking(self) -> None:
        """Marks are read off a model that is here, and budgets of thought are drawn by one."""
        for name in ("policy", "larger_policy"):
            if (thought := getattr(self, name).thought) is not None:
                unseen = "a server's tokenizer and chat template are not seen here"
                thought.check(f"{name}.thought", unseen if name in self.served else None)
        if self.sampling.thinking is None:
            return
        if self.policy.thought is None:
            raise InputError(
                "policy.thought: none was given, and sampling.thinking ends thoughts by their closing mark: state the "
                "marks, or auto"
            )
        check_field(self.sampling.thinking.field, self.policy.served)

    @property
    def served(self) -> dict[str, Served]:
        """The policies that are behind servers, by their section."""
        given = {name: getattr(self, name).served for name in ("policy", "larger_policy")}
        return {name: served for name, served in given.items() if served is not None}

    def _check_served(self) -> None:
        """Nothing is trained on a server's model, and no value of a step is rolled out by it."""
        if not self.served:
            return
        if self.sampling.confidence.window is not None:
            raise InputError(
                "sampling.confidence.window: it was given, and a server is not asked for log-probabilities"
            )
        if self.policy.served is not None:
            off = "a policy behind a server cannot be trained from: set it to false"
            trains = self.revises and self.revision.by == TRAINING
            if trains:
                raise InputError(
                    f"revision.use: {off}, or revision.by to prompt, which asks the policy again"
                )
            for name, needed in (
                ("orm", self.trained["orm"]),
                ("revision.verifier", self.revises and self.revision.verifier.use),
            ):
                if needed:
                    raise InputError(f"{name}.use: {off}")
            if self.trained["prm"]:
                raise InputError(f"prm.use: {off}, or give prm.checkpoint")
        larger = "larger_policy" in self.checkpoints or "larger_policy" in self.served
        if larger and not {"policy", "larger_policy"} <= self.prices.keys():
            for name, served in self.served.items():
                if served.size is None:
                    raise InputError(
                        f"{name}.served.parameters: none was given, and the comparison with the larger policy is at "
                        "equal FLOPs; where both policies have a price (docs/money.md) it may be at equal money"
                    )

    @property
    def sized(self) -> bool:
        """Whether the sizes of all policies are known, or will be: those of models that are here are."""
        return all(served.size is not None for served in self.served.values())

    def _check_judge(self, judge: Judge) -> None:
        """A search is led by scores of steps, and waits for no critiques."""
        elsewhere = bool(self.asked_verifiers)
        if judge.asks == "steps" and judge.critique is None and not elsewhere:
            return
        asked = "prm.checkpoint.judge.asks: a judge of whole solutions scores no steps"
        remedy = "set it to steps, or"
        if elsewhere:
            asked, remedy = "prm.checkpoint.served: a judge behind a server leads no search", "set"
        elif judge.critique is not None:
            asked, remedy = "prm.checkpoint.kind: a judge that writes critiques leads no search", "set"
        if count := len(self.search.strategies):
            raise InputError(f"{asked}, and search.strategies has {count}: {remedy} search.strategies to []")
        larger = {"larger_policy"} & (self.checkpoints.keys() | self.served.keys())
        if larger and self.ablations.larger_search:
            raise InputError(
                f"{asked}, and ablations.larger_search is one: {remedy} ablations.larger_search to false"
            )

    def _check_training(self) -> None:
        """Whatever is trained needs training problems."""
        if self.problems.train is not None:
            return
        revision, off = self.revision, "give it, or set it to false"
        needs = {
            "prm.checkpoint: none was given, so the process reward model is trained": (
                self.trained["prm"],
                "give one of the two, or set prm.use to false",
            ),
            "orm.use: the outcome reward model is trained": (self.trained["orm"], off),
            "revision.use: the reviser is trained": (
                self.revises and revision.by == TRAINING,
                f"{off}, or revision.by to prompt",
            ),
            "revision.verifier.use: the verifier of revisions is trained": (
                self.revises and revision.verifier.use,
                off,
            ),
        }
        for what, (needed, remedy) in needs.items():
            if needed:
                raise InputError(f"{what}, and problems.train is missing: {remedy}")

    @property
    def trained(self) -> dict[str, bool]:
        """Whether the study trains each verifier of solutions on samples of training problems."""
        samples = self.origin != POOL
        return {
            "prm": samples and self.prm.use and self.prm.checkpoint is None,
            "orm": samples and self.orm.use,
        }

    @property
    def revises(self) -> bool:
        """Whether the study has revisions."""
        return self.origin != POOL and self.revision.use

    @property
    def searches(self) -> bool:
        """Whether the study has a process reward model, and with it searches."""
        return self.origin != POOL and self.prm.use

    @property
    def most_evaluated(self) -> int:
        """Samples of a test problem that are evaluated: all, or those that make no bins."""
        samples = self.sampling.samples
        return samples if self.difficulty.samples == "shared" else max(samples // 2, 1)

    def _check_budgets(self) -> None:
        """Budgets that are evaluated and drawn have to have been sampled."""
        budgets, samples = self.evaluation.budgets, self.sampling.samples
        if budgets:
            shared = self.difficulty.samples == "shared"
            limit = (
                "sampling.samples" if shared else f"half of sampling.samples = {samples} (difficulty.samples)"
            )
            check_at_most("evaluation.budgets", budgets[-1], limit, self.most_evaluated)
            if missing := [n for n in self.figures.sweep_budgets if n not in budgets]:
                raise InputError(
                    f"figures.sweep_budgets: {missing[0]} was given, and evaluation.budgets does not have it"
                )
        given, most = self.figures.ratio_budget, self.revision.max_generations
        if self.revision.use and given > most:
            raise InputError(
                f"figures.ratio_budget: {given} was given; revision.max_generations allows at most {most}"
            )
