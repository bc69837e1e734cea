"""Tree search against a verifier: beam search and lookahead (paper §5.2), and beyond the paper DVTS and REBASE."""
