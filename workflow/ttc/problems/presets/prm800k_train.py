"""The training problems of MATH as PRM800K's file math_splits/train.jsonl has them; only as a local file (`path`)."""

DECLARATION = {
    "title": "MATH's 12,000 training problems in the file of PRM800K, given as `path`",
    "source": {
        "columns": {
            "problem_id": "unique_id",
            "question": "problem",
            "answer": "answer",
            "solution": "solution",
            "level": "level",
            "subject": "subject",
        },
        "role": "train",
        "rows": 12_000,
    },
    # Measured on the 500 test problems and their solutions, and on 1,000 independent chat solutions each of
    # Llama-3.2-3B-Instruct and Llama-3.2-1B-Instruct: 462 and 617 tokens in 15 and 22 lines on average
    "lengths": {"question": 68, "chat": (540, 18), "completion": (183, 7)},
}
