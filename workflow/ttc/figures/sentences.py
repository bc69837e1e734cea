"""Sentences that captions of several figures share; `{dotted.key}` is a number of the configuration."""

QUESTIONS = (
    "{questions} test questions; bands are 95 % bootstrap intervals ({allocation.bootstrap} resamples)."
)
SAMPLES = "Subsets of {sampling.samples} samples a question, drawn at temperature {sampling.temperature}."
SUBSETS = (
    "Where a vote has no closed form, accuracy is the mean over {evaluation.replicates} subsets of each size."
)
AGGREGATION = "One score from {step_scores}: {evaluation.aggregation}."
SEARCH = "N = {search.budgets} beams, at most {search.max_rounds} rounds, temperature {search.temperature}."
ORACLE = (
    "{difficulty.bins} quantile bins by oracle difficulty, the pass rate over the pool; equal difficulties across a "
    "border: {difficulty.ties}."
)
PREDICTED = (
    "{difficulty.bins} quantile bins by predicted difficulty, the mean verifier score (without a verifier: the share "
    "of the most frequent answer), which needs no gold answer; equal difficulties across a border: {difficulty.ties}."
)
FOLDS = (
    "Chosen and measured on different questions: {allocation.folds} folds inside each of {difficulty.bins} bins, "
    "averaged over {allocation.repeats} random splits."
)
CHAINS = (
    "Chains of up to {revision.max_generations} answers, each seeing the last {revision.max_context}, at temperature "
    "{revision.temperature}."
)
ASKED = "No reviser was trained; the policy itself was asked again (revision.by: {revision.by})."
STEPS = "Pass@1 at a position is the mean over all chains that are as long."
REST = "The ReST^EM reviser: {revision.rest.test_chains} chains of {revision.rest.test_length} answers a question."
LARGER = "The larger policy: {sampling.larger_samples} samples a question, beams of {search.larger_budgets}."
FLIPPED = "Flipped: {evaluation.noisy_verifiers.share} of the scores."
FLIPS = "Of {step_scores}, each flip is that of a {evaluation.noisy_verifiers.acts_on}."
FIRST = "The first answer of a chain is the {revision.first_answer}'s."
TRACED = "{questions} test questions; bands are 95 % bootstrap intervals ({findings.bootstrap} resamples)."
RATIOS = {
    "v1": "R = {exchange.ratios.v1} inference tokens to a pretraining token; the formula of version 1.",
    "camera_ready": "R = {exchange.ratios.camera_ready} inference tokens to a pretraining token; the camera-ready's "
    "formula, which bills the verifier; curves {exchange.verifier_curves}.",
}
PAIRED = "{questions} test questions; paired 95 % bootstrap intervals ({exchange.bootstrap} resamples)."
SEED = "Seed {seed}."
