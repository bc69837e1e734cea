"""Cases that several tests of the analysis share."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def candidates(draw, largest=8):
    """Candidates of one problem; scores from a small grid, so that ties are common; equal answers, equal verdicts."""
    size = draw(st.integers(1, largest))
    groups = draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))
    right = draw(st.integers(-1, 3))
    scores = draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=size, max_size=size))
    groups = np.array(groups)
    return groups, ((groups == right) & (groups >= 0)).astype(float), np.array(scores)
