"""GPQA Diamond: 198 questions with four options each, from its file `gpqa_diamond.csv`."""

DECLARATION = {
    "title": "GPQA Diamond, 198 questions with four options (the file is yours: access is granted on request)",
    "source": {
        "columns": {
            "problem_id": "Record ID",
            "question": "Question",
            "answer": "Correct Answer",
            "subject": "High-level domain",
        },
        "choices": {
            "options": ["Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"],
            "answer": "text",
            "shuffle": True,  # in the file the right one comes first
        },
        "role": "test",
        "rows": 198,
    },
    # Not measured: questions are taken to be three times as long as those of MATH, solutions as those of AIME
    "lengths": {"question": 220, "chat": (1080, 36), "completion": (400, 14)},
}
