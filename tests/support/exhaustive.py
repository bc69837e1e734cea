"""A policy so small that every solution can be written down: searches of it, by enumeration."""

import itertools

from ttc.search.options import Options

DEPTH = 3
SOLUTIONS = [
    "".join(letter + "." for letter in letters[:-1]) + letters[-1] + "$"
    for letters in itertools.product("ab", repeat=DEPTH)
]
PREFIXES = sorted({text[: 2 * steps] for text in SOLUTIONS for steps in range(1, DEPTH + 1)})
A_AND_B_IN_TURN = {
    (round_, place): 0.9 if place % 2 else 0.1 for round_ in range(DEPTH) for place in range(16)
}
DROP = Options(duplicates="drop")
# `a.` looks better than `b.`, but every way on from it is worse; `b.b.` looks better than `b.a.`, and is not.
#   a. .6 ── a.a. .3 ── a.a.a$ .2, a.a.b$ .1         b. .5 ── b.a. .4 ── b.a.a$ .9 (the best of all), b.a.b$ .2
#         └─ a.b. .1 ── a.b.a$ .3, a.b.b$ .2               └─ b.b. .7 ── b.b.a$ .3, b.b.b$ .8
SCORES = {"a.": 0.6, "b.": 0.5, "a.a.": 0.3, "a.b.": 0.1, "b.a.": 0.4, "b.b.": 0.7}
SCORES |= {"a.a.a$": 0.2, "a.a.b$": 0.1, "a.b.a$": 0.3, "a.b.b$": 0.2}
SCORES |= {"b.a.a$": 0.9, "b.a.b$": 0.2, "b.b.a$": 0.3, "b.b.b$": 0.8}


def policy(likely):
    """`likely[prefix]` is the letter that greedy decoding takes after a prefix; sampling finds both letters."""

    def odds(prompt_and_text):
        text = prompt_and_text[1:]
        if text and text[-1] in "ab":
            return {"$": 1.0} if len(text) == 2 * DEPTH - 1 else {".": 1.0}
        return {"a": 0.51, "b": 0.49} if likely.get(text, "a") == "a" else {"a": 0.49, "b": 0.51}

    return odds


def by_enumeration(scores, likely, kept, depth):
    """(solutions, tokens of rollouts) of a search that keeps `kept` prefixes a round."""

    def seen(prefix):
        """The prefix after `depth` more greedy steps; no prefix is longer than a solution."""
        for _ in range(depth):
            if not prefix.endswith("$"):
                letter = likely.get(prefix, "a")
                prefix += letter + ("$" if len(prefix) == 2 * DEPTH - 2 else ".")
        return prefix

    level, rollout_tokens = [text for text in PREFIXES if len(text) == 2], 0
    made = 2 * kept  # steps a round: in the first one equal ones are among them
    for steps in range(1, DEPTH):
        rollout_tokens += made * (len(seen(level[0])) - 2 * steps)
        best = sorted(level, key=lambda prefix: -scores[seen(prefix)])[:kept]
        level = [text for text in PREFIXES if len(text) == 2 * steps + 2 and text[: 2 * steps] in best]
    return level, rollout_tokens
