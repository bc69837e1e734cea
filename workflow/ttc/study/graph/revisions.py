"""Sequential revisions: the artifacts from trajectories to scored chains, and the ablations of the paper's appendix.

Whoever writes revisions has the role `reviser`: a model that is trained to, or the policy itself, which is asked again.
Whoever chooses among them has the role `revision_orm`: one that is trained to, or the study's PRM.
"""

from ttc.revision.ratios import chain_lengths, grid
from ttc.study.artifact import Artifact
from ttc.study.blocks import blocks, groups, numbered, span
from ttc.study.graph.generations import Material
from ttc.study.sections.revision import TRAINING


def add_revisions(study, material: Material) -> None:
    """Add the reviser, its chains on the test problems, their verifier and its scores, and the ablations' artifacts.

    What the study does not train is left out: the policy is then asked again, and its PRM or a majority chooses.

    `study`: `ttc.study.graph.sampling.Study`, whose problems and policy are there already.
    """
    revisions = _Revisions(study, material)
    settings, ablations = study.configuration.revision, study.configuration.ablations
    if settings.by == TRAINING:
        revisions.add_reviser()
    if settings.verifier.use:
        revisions.add_verifier()
    revisions.add_chains()
    if settings.verifier.use and ablations.revision_verifiers:
        revisions.add_other_verifiers()
    if settings.by == TRAINING and ablations.rest_em:
        revisions.add_rest()


class _Revisions:
    """Adds artifacts in the order in which they are made; holds those that later ones read."""

    def __init__(self, study, material: Material):
        self.study, self.add, self.material = study, study.add, material
        self.settings = study.configuration.revision
        self.problems = [study.problems]
        self.context = {"max_context": self.settings.max_context}
        # Who writes revisions: the policy itself, unless a reviser is trained
        self.reviser = study.policy
        material.models["reviser"] = [self.reviser]

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

    def add_verifier(self) -> None:
        """The verifier of revisions, trained on chains of training problems."""
        settings = self.settings.verifier
        lengths = [settings.length] * settings.chains
        self.taught = self._revise("train", self.reviser, (0, settings.train_problems), lengths, rank=2)
        self.material.models["revision_orm"] = [self._train_verifier("revision_orm", self.context)]

    def add_chains(self) -> None:
        """The chains of the test problems and their scores: of their own verifier, or of the PRM on answers alone."""
        self.material.ratios = grid(self.settings.ratios, self.settings.max_generations)
        lengths = chain_lengths(self.material.ratios)
        for block in blocks(self.study.tests, self.settings.block_problems):
            self.material.chains.append(self._revise("test", self.reviser, block, lengths))
        tables, models = self.settings.shards_per_job, self.material.models
        kind, context = "revision_orm", self.context
        if not self.settings.verifier.use:
            kind, context = "prm", {"max_context": 0}
            models["revision_orm"] = models.get("prm", [])
        for verifier in models["revision_orm"]:
            self.material.chain_verifier, checked = kind, self.study.preflighted(kind)
            self.material.chain_scores = self._score("test", verifier, context, kind, tables, **checked)

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
        self, label: str, verifier: Artifact, context: dict, kind: str, tables: int | None = None, **checked
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
                **checked,
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
