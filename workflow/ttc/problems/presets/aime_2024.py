"""AIME 2024: the 30 problems of both contests."""

DECLARATION = {
    "title": "AIME 2024, 30 problems",
    "source": {
        "hub": "HuggingFaceH4/aime_2024",
        "revision": "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
        # The only split it has
        "split": "train",
        "columns": {"problem_id": "id", "question": "problem", "answer": "answer", "solution": "solution"},
        "role": "test",
        "rows": 30,
    },
    # Taken to be twice as long as those of MATH
    "lengths": {"question": 100, "chat": (1080, 36), "completion": (400, 14)},
}
