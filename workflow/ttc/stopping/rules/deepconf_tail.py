"""The leader's share of a vote weighted by token confidence: the mean confidence of its last window of tokens."""

from ttc.stopping.share import AverageShareWatch

DECLARATION = {
    "title": "the leader's share of the samples' tail confidence, with at least two average votes",
    "legend": "leader's share, tail confidence",
    "source": "confidence and consensus of DeepConf (arXiv 2508.15260); nothing is cut short here",
    "valid": "a heuristic; needs `sampling.confidence`, or a pool with these columns",
    "vote": "deepconf_tail",
    "reads": "confidence_tail",
    "by_counts": False,
    "learns": False,
    "threshold": "share of the sum of confidences",
    "limit": "least",
    "thresholds": [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99],
}

Watch = AverageShareWatch
