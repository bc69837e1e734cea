"""A generated task that is large enough for its shares to be measured."""

GROUPS = [
    {"operations": 8, "error_rate": 0.05, "misconception": 0.0},
    {"operations": 4, "error_rate": 0.4, "misconception": 0.7},
    {"operations": 3, "error_rate": 0.5, "misconception": 0.5},
]
TOPICS = [
    {"train_share": 3.0, "test_share": 1.0, "weights": [8, 8, 0]},
    {"train_share": 1.0, "test_share": 0.0, "weights": [1, 0, 0]},
    {"train_share": 0.0, "test_share": 1.0, "weights": [0, 1, 3]},
]
TASK = {"modulus": 37, "steps": [1, 6], "train_problems": 4000, "test_problems": 300}
TASK |= {"groups": GROUPS, "topics": TOPICS}
SEED = 11
