"""Golden jobs: miniature studies that between them run every stage, search method and kind of verifier."""
