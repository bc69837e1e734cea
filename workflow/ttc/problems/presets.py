"""Data sets of mathematical problems that are known by name: where they are, how they are laid out, how many there are.

A preset's layout (columns, extract, role, rows) also serves a local copy, given as `path`.  `note` is told where the
number of problems is wrong.
"""

_MATH500_COLUMNS = {
    "problem_id": "unique_id",
    "question": "problem",
    "answer": "answer",
    "solution": "solution",
    "level": "level",
    "subject": "subject",
}
_GSM8K = {
    "hub": "openai/gsm8k",
    "revision": "740312add88f781978c0658806c59bc2815b9866",
    "config": "main",
    # the column `answer` holds the solution, and its last line `#### 18`
    "columns": {"question": "question", "solution": "answer"},
    "extract": ["hashes"],
}

PRESETS: dict[str, dict] = {
    # The 500 test problems of "Let's Verify Step by Step".
    "math500": {
        "hub": "HuggingFaceH4/MATH-500",
        "revision": "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        "split": "test",
        "columns": _MATH500_COLUMNS,
        "role": "test",
        "rows": 500,
    },
    # All 12,500 problems of MATH but the 500: both splits of all subjects, the 500 given as `exclude`.
    "math_train": {
        "hub": "EleutherAI/hendrycks_math",
        "revision": "21a5633873b6a120296cce3e2df9d5550074f4a3",
        "config": [
            "algebra",
            "counting_and_probability",
            "geometry",
            "intermediate_algebra",
            "number_theory",
            "prealgebra",
            "precalculus",
        ],
        "split": "train+test",
        "columns": {"question": "problem", "solution": "solution", "level": "level", "subject": "type"},
        "extract": ["boxed", "bare_box"],
        "role": "train",
        "rows": 12_000,
        "note": "the 12,000 are all 12,500 of MATH without the 500 of MATH-500, which are to be left out; "
        "`rows: null` allows any number",
    },
    # The same 12,000 as PRM800K's file math_splits/train.jsonl, laid out as the 500 are; only as a local file.
    "prm800k_train": {"columns": _MATH500_COLUMNS, "role": "train", "rows": 12_000},
    "gsm8k": _GSM8K | {"split": "test", "role": "test", "rows": 1_319},
    "gsm8k_train": _GSM8K | {"split": "train", "role": "train", "rows": 7_473},
    "aime_2024": {
        "hub": "HuggingFaceH4/aime_2024",
        "revision": "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
        "split": "train",  # the only split it has
        "columns": {"problem_id": "id", "question": "problem", "answer": "answer", "solution": "solution"},
        "role": "test",
        "rows": 30,
    },
    "aime_2025": {
        "hub": "math-ai/aime25",
        "revision": "563bb8404243c5f09de6ec262f2db674fe5bce9b",
        "split": "test",
        "columns": {"problem_id": "id", "question": "problem", "answer": "answer"},
        "role": "test",
        "rows": 30,
    },
}
