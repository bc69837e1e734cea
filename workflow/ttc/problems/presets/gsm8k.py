"""GSM8K: its 1,319 test problems."""

DECLARATION = {
    "title": "GSM8K, the 1,319 test problems",
    "source": {
        "hub": "openai/gsm8k",
        "revision": "740312add88f781978c0658806c59bc2815b9866",
        "config": "main",
        "split": "test",
        # The column `answer` holds the solution, and its last line `#### 18`
        "columns": {"question": "question", "solution": "answer"},
        "extract": ["hashes"],
        "role": "test",
        "rows": 1_319,
    },
    # Measured on the test split; of chat solutions no pool was at hand, they are taken to be twice as long
    "lengths": {"question": 68, "chat": (200, 8), "completion": (100, 5)},
}
