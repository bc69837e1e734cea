"""One figure of the catalogue, and the sentences and rows that several figures share."""

from dataclasses import dataclass, field

from ttc.figures import captions

Rows = dict[str, tuple]  # column -> values of it; names of strategies may end in *


@dataclass(frozen=True)
class Entry:
    """One figure: `name` is its file's; `v1` and `camera_ready` number the paper's figure in its two versions.

    A caption is a tuple of sentences; one whose numbers a study does not have is left out.  `reads` names the tables
    and the rows of them that the figure needs.  `main` figures are shown in the report, all in the gallery.
    """

    name: str
    title: str
    caption: tuple[str, ...]
    reads: dict[str, Rows]
    v1: str = ""
    camera_ready: str = ""
    beside: str = "beyond the paper"
    main: bool = field(default=False, kw_only=True)

    @property
    def paper(self) -> str:
        """The paper's figure in words, such as "figure 8 (camera-ready: 6)"."""
        if self.v1:
            return f"figure {self.v1}" + (
                f" (camera-ready: {self.camera_ready})" if self.camera_ready else ""
            )
        return f"camera-ready figure {self.camera_ready}" if self.camera_ready else self.beside

    def described(self, values: dict[str, object]) -> dict:
        """What pages say about the figure; `values` fill its caption."""
        caption = captions.fill(self.caption, values)
        return {
            "name": self.name,
            "title": self.title,
            "caption": caption,
            "paper": self.paper,
            "main": self.main,
        }


QUESTIONS = (
    "{questions} test questions; bands are 95 % bootstrap intervals ({allocation.bootstrap} resamples)."
)
SAMPLES = "Subsets of {sampling.samples} samples a question, drawn at temperature {sampling.temperature}."
SUBSETS = (
    "Where a vote has no closed form, accuracy is the mean over {evaluation.replicates} subsets of each size."
)
AGGREGATION = "One score from step scores: {evaluation.aggregation}."
SEARCH = "N = {search.budgets} beams, at most {search.max_rounds} rounds, temperature {search.temperature}."
ORACLE = (
    "{difficulty.bins} quantile bins by oracle difficulty, the pass rate over the pool; equal difficulties across a "
    "border: {difficulty.ties}."
)
PREDICTED = (
    "{difficulty.bins} quantile bins by predicted difficulty, the mean verifier score, which needs no gold answer; "
    "equal difficulties across a border: {difficulty.ties}."
)
FOLDS = (
    "Chosen and measured on different questions: {allocation.folds} folds inside each of {difficulty.bins} bins, "
    "averaged over {allocation.repeats} random splits."
)
CHAINS = (
    "Chains of up to {revision.max_generations} answers, each seeing the last {revision.max_context}, at temperature "
    "{revision.temperature}."
)
STEPS = "Pass@1 at a position is the mean over all chains that are as long."
REST = "The ReST^EM reviser: {revision.rest.test_chains} chains of {revision.rest.test_length} answers a question."
LARGER = "The larger policy: {sampling.larger_samples} samples a question, beams of {search.larger_budgets}."
FLIPPED = "Flipped: {evaluation.noisy_verifiers.share} of the scores, each of a {evaluation.noisy_verifiers.acts_on}."
FIRST = "The first answer of a chain is the {revision.first_answer}'s."
TRACED = "{questions} test questions; bands are 95 % bootstrap intervals ({findings.bootstrap} resamples)."
RATIOS = {
    "v1": "R = {exchange.ratios.v1} inference tokens to a pretraining token; the formula of version 1.",
    "camera_ready": "R = {exchange.ratios.camera_ready} inference tokens to a pretraining token; the camera-ready's "
    "formula, which bills the verifier; curves {exchange.verifier_curves}.",
}
PAIRED = "{questions} test questions; paired 95 % bootstrap intervals ({exchange.bootstrap} resamples)."
SEED = "Seed {seed}."

ALL = {"bins": ("none",)}
VOTES = {"family": ("search",)} | ALL
FIXED = ("best_of_n_weighted", "majority")
RATIO_ROWS = {"family": ("revisions",), "strategy": ("revisions(*",)}
BY_BIN = {"strategy": ("best_of_n_weighted", "beam(width=4)", "majority")}
