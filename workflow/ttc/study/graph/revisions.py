"""Sequential revisions: the artifacts from trajectories to scored chains, and the ablations of the paper's appendix."""

from ttc.revision.ratios import chain_lengths, grid
from ttc.study.artifact import Artifact
from ttc.study.blocks import blocks, groups, numbered, span
from ttc.study.graph.generations import Material


def add_revisions(study, material: Material) -> None:
    """Add the reviser, its chains on the test problems, their verifier and its scores, and the ablations' artifacts.

    `study`: `ttc.study.graph.sampling.Study`, whose problems and policy are there already.
    """
    revisions = _Revisions(study, material)
    revisions.add_reviser()
    revisions.add_chains()
    ablations = study.configuration.ablations
    if ablations.revision_verifiers:
        revisions.add_other_verifiers()
    if ablations.rest_em:
        revisions.add_rest()


class _Revisions:
    """Adds artifacts in the order in which they are made; holds those that later ones read."""

    def __init__(self, study, material: Material):
        self.study, self.add, self.material = study, study.add, material
        self.settings = study.configuration.revision
        self.problems = [study.problems]
        self.context = {"max_context": self.settings.max_context}

    def add_reviser(self) -> None:
        """Samples of the training problems at a temperature of their own, trajectories, and the reviser."""
        settings = self.settings.pairs
        block_size = self.study.configuration.sampling.train_block_problems
        samples = [
            self.study.sample(
                "train",
                self.study.policy,
                block,
                (0, settings.samples),
                rank=40,
                temperature=settings.temperature,
                label="pairs",
            )
            for block in blocks(settings.train_problems, block_size)
        ]
        spec = self.study.seed | self.context | {"per_problem": settings.per_problem}
        pairs = self.add("pair_revisions", "train", spec, problems=self.problems, samples=samples, chains=[])
        self.reviser = self._train("reviser", self.settings, pairs)
        self.material.models["reviser"] = [self.reviser]

    def _train(self, label: str, section, pairs: Artifact) -> Artifact:
        spec = self.study.seed | self.context | self.study.base.training(section) | self.study.base.form()
        policy = [self.study.policy]
        return self.add("train_reviser", label, spec, problems=self.problems, policy=policy, pairs=[pairs])

    def add_chains(self) -> None:
        """The verifier of revisions, the chains of the test problems and their scores."""
        settings = self.settings.verifier
        lengths = [settings.length] * settings.chains
        self.taught = self._revise("train", self.reviser, (0, settings.train_problems), lengths, rank=2)
        verifier = self._train_verifier("revision_orm", self.context)
        self.material.ratios = grid(self.settings.ratios, self.settings.max_generations)
        lengths = chain_lengths(self.material.ratios)
        for block in blocks(self.study.tests, self.settings.block_problems):
            self.material.chains.append(self._revise("test", self.reviser, block, lengths))
        tables = self.settings.shards_per_job
        self.material.chain_scores = self._score("test", verifier, self.context, "revision_orm", tables)
        self.material.models["revision_orm"] = [verifier]

    def add_other_verifiers(self) -> None:
        """A verifier trained and read without the answers before a revision, and the PRM (if any) on the answers alone.

        Without them few revisions of a question differ, so one job scores all.
        """
        alone = {"max_context": 0}
        verifier = self._train_verifier("revision_orm_no_history", alone)
        self.material.models["revision_orm_no_history"] = [verifier]
        self.material.chain_scores_no_history = self._score("no_history", verifier, alone, "revision_orm")
        for prm in self.material.models.get("prm", []):
            self.material.chain_scores_prm = self._score("prm", prm, alone, "prm")

    def add_rest(self) -> None:
        """ReST^EM: the policy is trained anew on the reviser's own successes, and revises the test problems."""
        settings = self.settings.rest
        lengths = [settings.length] * settings.chains
        tried = self._revise(
            "train",
            self.reviser,
            (0, settings.train_problems),
            lengths,
            label="rest-train",
            until_correct=True,
        )
        pairs = self.add(
            "pair_revisions", "rest", self.study.seed, problems=self.problems, samples=[], chains=[tried]
        )
        reviser = self._train("rest", settings, pairs)
        lengths = [settings.test_length] * settings.test_chains
        self.material.rest_chains = [
            self._revise("test", reviser, block, lengths, label="rest-test")
            for block in blocks(self.study.tests, self.settings.block_problems)
        ]
        self.material.models["rest_reviser"] = [reviser]

    def _train_verifier(self, label: str, context: dict) -> Artifact:
        settings = self.settings.verifier
        base = self.study.base
        spec = self.study.seed | context | base.training(settings) | base.reading("revision_orm")
        made_by = {"reviser": [self.reviser], "chains": [self.taught]}
        return self.add("train_revision_orm", label, spec, problems=self.problems, **made_by)

    def _score(
        self, label: str, verifier: Artifact, context: dict, kind: str, tables: int | None = None
    ) -> list[Artifact]:
        """A verifier's scores of all test chains, `tables` tables of them in a job; all in one job without a number."""
        shards = list(groups(self.material.chains, tables or len(self.material.chains)))
        return [
            self.add(
                "score_revisions",
                numbered(label, index, shards),
                context | self.study.base.reading(kind),
                problems=self.problems,
                verifier=[verifier],
                chains=group,
            )
            for index, group in enumerate(shards)
        ]

    def _revise(self, split, reviser, problems, lengths, rank=0, label="", **more) -> Artifact:
        settings = self.settings
        spec = self.study.seed | {
            "split": split,
            "problems": list(problems),
            "lengths": lengths,
            "max_context": settings.max_context,
            "first_answer": settings.first_answer,
            "temperature": settings.temperature,
            "max_tokens": self.study.configuration.sampling.max_tokens,
            **more,
            **self.study.base.generating("revise"),
        }
        label = f"{label or split}-{span(problems)}"
        policy = [self.study.policy] if settings.first_answer == "policy" else []
        return self.add(
            "revise",
            label,
            spec,
            rank=rank,
            problems=self.problems,
            reviser=[reviser],
            policy=policy,
            **self.study.base.checked(self.study.policy, self.settings.max_context),
        )
