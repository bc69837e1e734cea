"""AIME 2025: the 30 problems of both contests."""

DECLARATION = {
    "title": "AIME 2025, 30 problems",
    "source": {
        "hub": "math-ai/aime25",
        "revision": "563bb8404243c5f09de6ec262f2db674fe5bce9b",
        "split": "test",
        "columns": {"problem_id": "id", "question": "problem", "answer": "answer"},
        "role": "test",
        "rows": 30,
    },
    # Taken to be twice as long as those of MATH
    "lengths": {"question": 100, "chat": (1080, 36), "completion": (400, 14)},
}
