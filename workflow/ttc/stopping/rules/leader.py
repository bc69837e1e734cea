"""The leader's share of a weighted vote, once some weight has come together."""

from ttc.stopping.share import ShareWatch

DECLARATION = {
    "title": "the leader's share of the scores, with a sum of scores of at least 1",
    "legend": "leader's share",
    "source": "this project; the vote is Snell et al. 2024's weighted best-of-N",
    "valid": "a heuristic; scores in [0, 1], so that a sum of 1 is about one solution that the verifier is sure of",
    "vote": "best_of_n_weighted",
    "reads": "scores",
    "by_counts": False,
    "learns": False,
    "threshold": "share of the sum of scores",
    "limit": "least",
    "thresholds": [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99],
}

Watch = ShareWatch
