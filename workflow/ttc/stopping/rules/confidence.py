"""The leader's share of a vote weighted by the model's own confidence: the geometric mean probability of its tokens.

Needs no verifier, and nothing but the log-probability of a solution.  The confidence of DeepConf (arXiv 2508.15260)
is of another kind: it reads the whole distribution of each token (`deepconf_tail` and its neighbours).
"""

from ttc.stopping.share import ShareWatch

DECLARATION = {
    "title": "the leader's share of the samples' confidences, with a sum of at least 1",
    "legend": "leader's share, own confidence",
    "source": "weights as in Taubenfeld et al. 2025 (CISC, arXiv 2502.06233)",
    "valid": "a heuristic; needs log-probabilities of every sample",
    "vote": "confidence_weighted",
    "reads": "confidence",
    "by_counts": False,
    "learns": False,
    "threshold": "share of the sum of confidences",
    "limit": "least",
    "thresholds": [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99],
}

Watch = ShareWatch
