"""Particle filtering (Puri et al. 2025, arXiv 2502.01618): partial solutions are resampled by their scores.

N particles start from the prompt, and each is continued by one step.  Then, and after every further step, N particles
are drawn with replacement from the N there are, with probabilities softmax(reward / temperature); those that can go on
are continued, until all have ended (Algorithm 1 of the paper).  So a good step is likely to be continued often, and a
bad one keeps a chance, where beam search and REBASE cut by rank.

As in the paper and the authors' code:

* The reward of a particle is the log odds of the verifier's score of its newest step, log(score / (1 - score)): the
  paper's figure of the method shows such rewards, and the code takes the inverse sigmoid.  Scores are kept 10⁻⁷ away
  from 0 and 1, so that no reward is infinite.  At temperature 1, the authors' own, weights are the odds.
* Resampling is multinomial: N independent draws.  (Systematic resampling would have less variance; it is not what was
  published.)
* A particle that has ended stays among the N: it is drawn, or not, with the weight of its last step, and is not
  continued.  So `finished` is always `keep`.  Nothing is drawn once all have ended.

Left open there, and done here:

* Candidates: the N particles at the end.  Several may be copies of one solution that ended early; every copy votes, as
  copies are how a filter carries weight.  The solution was generated, read and billed once.
* A solution cut by a limit is a particle that has ended.
* `duplicates` makes no difference: equal particles are drawn as often together as one of their summed weight.
* The draws after round r are numbers 0 … N - 1 of the stream `Beams.choices(r)`.
"""

import math

import numpy as np

from ttc import noise
from ttc.search.beams import Beams
from ttc.search.options import Options
from ttc.search.strategy import Strategy
from ttc.search.tree import Node, Tree

DECLARATION = {
    "description": "steps drawn by the softmax of their scores",
    "legend": "particle filtering",
    "parameters": {
        "temperature": {
            "type": "positive",
            "letter": "t",
            "description": "of the softmax over log odds of scores (the authors' is 1)",
        },
    },
    "looks_ahead": None,
    "at_full_width": None,
    "finished": "keep",
    "competes": False,
    "beyond_paper": True,
}
# Scores are kept this far away from 0 and 1
MARGIN = 1e-7


class Particles(Beams):
    """N particles of one problem; those that have ended are held in `ended`, as often as they were drawn."""

    def __init__(self, tree: Tree, stream: np.uint64, budget: int, temperature: float, options: Options):
        """budget: N; temperature of the softmax over rewards."""
        super().__init__(tree, stream, budget, 1, options)
        self.temperature = temperature

    def next_round(self, nodes: list[Node]) -> list[Node]:
        """The steps to continue, each as often as it was drawn; nodes: the steps made in this round, scored."""
        particles = self.ended + nodes
        self.peak = max(self.peak, len(particles))
        if all(particle.finish != "step" for particle in particles):
            self.ended = particles
            return []
        drawn = self.resample(particles, nodes[0].round)
        for particle in drawn:
            particle.kept = True
        self.ended = [particle for particle in drawn if particle.finish != "step"]
        return [particle for particle in drawn if particle.finish == "step"]

    def resample(self, particles: list[Node], round_: int) -> list[Node]:
        """N of the particles, drawn independently by their weights, in the order in which they were given."""
        cumulative = np.cumsum(weights([particle.score for particle in particles], self.temperature))
        draws = noise.uniform(np.full(self.budget, self.choices(round_)), np.arange(self.budget))
        # The first particle up to which the weights sum to more than the draw; the last sum is exactly 1
        places = np.searchsorted(cumulative / cumulative[-1], draws, side="right")
        return [particles[place] for place in np.sort(places)]


def weights(scores: list[float], temperature: float) -> list[float]:
    """Shares of the draws: softmax(log odds / temperature) of scores from 0 to 1."""
    kept = [min(max(score, MARGIN), 1 - MARGIN) for score in scores]
    rewards = [math.log(score / (1 - score)) for score in kept]
    # Relative to the best, so that no temperature overflows
    best = max(rewards)
    powers = [math.exp((reward - best) / temperature) for reward in rewards]
    total = sum(powers)
    return [power / total for power in powers]


def start(tree: Tree, stream: np.uint64, strategy: Strategy, budget: int, options: Options) -> list[Beams]:
    """N particles, all resampled together."""
    return [Particles(tree, stream, budget, strategy.temperature, options)]
