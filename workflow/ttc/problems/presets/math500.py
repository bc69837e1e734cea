"""MATH-500: the 500 test problems of "Let's Verify Step by Step"."""

DECLARATION = {
    "title": "MATH-500, the 500 test problems of PRM800K",
    "source": {
        "hub": "HuggingFaceH4/MATH-500",
        "revision": "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        "split": "test",
        "columns": {
            "problem_id": "unique_id",
            "question": "problem",
            "answer": "answer",
            "solution": "solution",
            "level": "level",
            "subject": "subject",
        },
        "role": "test",
        "rows": 500,
    },
    # Measured on the 500 test problems and their solutions, and on 1,000 independent chat solutions each of
    # Llama-3.2-3B-Instruct and Llama-3.2-1B-Instruct: 462 and 617 tokens in 15 and 22 lines on average
    "lengths": {"question": 68, "chat": (540, 18), "completion": (183, 7)},
}
