"""MMLU-Pro: 12,032 test questions with up to ten options each, from files of its test split."""

DECLARATION = {
    "title": "MMLU-Pro, 12,032 test questions with up to ten options (from files)",
    "source": {
        "columns": {
            "problem_id": "question_id",
            "question": "question",
            "answer": "answer_index",
            "subject": "category",
        },
        "choices": {"options": "options", "answer": "index", "shuffle": True},
        "role": "test",
        "rows": 12_032,
    },
    # Not measured: questions are taken to be twice as long as those of MATH, solutions as those of GSM8K
    "lengths": {"question": 150, "chat": (200, 8), "completion": (100, 5)},
}
