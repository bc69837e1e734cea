"""Tree search against a verifier: the methods of the paper (§5.2) and methods beyond it."""
