"""Configurations of the golden studies: generated, published, and of pools that somebody else sampled."""

import json
import random
from collections import Counter
from pathlib import Path

import yaml

from tests.support import judges, published, published_study, small_models, thinking_models
from tests.support.published_study import GIVEN, QUICK, SOURCE, TRAINED
from ttc import plugins
from ttc.study.config import merge

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests/support/small_study.yaml"
# One job for each table: how a study is cut is in no key
WHOLE = {
    "sampling": {"block_problems": None, "train_block_problems": None},
    "revision": {"block_problems": None},
}
# A value of each type of hyper-parameter that a search method may declare
VALUES = {"count": 1, "count_or_sqrt": 2, "positive": 0.2}
METHODS = "ttc.search.methods"
KINDS = "ttc.verifiers.kinds"
# What is left out where an earlier study has it: the pages of the study of trained verifiers, and all but what reads
# the verifier of those of further kinds
PAGES = ("plot", "gallery", "report", "browse", "notebook", "publish")
NEEDED = ("fetch_model", "check_prompts", "problems", "sample", "score", "search")
THINKING = ("check_thoughts", "think", "measure_difficulty", "evaluate_thinking")
# Without what takes time and says nothing about seeds
LIGHT = {
    "orm": {"use": False},
    "revision": {"use": False},
    "search": {"strategies": [{"kind": "beam", "width": 2}]},
    "ablations": dict.fromkeys(("aggregations", "verifier_quality", "larger_search"), False),
    "spending": {"use": False},
    "stopping": {"rules": []},
    "notebooks": {"use": False},
}


def generated() -> dict:
    """The default study in miniature, with every search method."""
    study = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    known = {each["kind"] for each in study["search"]["strategies"]}
    for name, declared in plugins.declarations(METHODS).items():
        if name not in known:
            values = {key: VALUES[each["type"]] for key, each in declared["parameters"].items()}
            study["search"]["strategies"].append({"kind": name} | values)
    return merge(study, WHOLE)


def of_two_seeds() -> dict:
    """A light generated study with another seed, too."""
    study = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    light = merge(LIGHT, {"study": {"name": "twice"}, "seeds": [0, 1], "policy": {"training": {"steps": 20}}})
    return merge(merge(study, WHOLE), light)


def of_published_models(folder: Path) -> dict[str, dict]:
    """Studies of small checkpoints that are written to `folder`: a given verifier, trained ones, every kind, one whose
    prompts begin alike, and one with linear layers of another library.
    """
    published_study.write(folder, steps=100)
    found = {
        "given": published_study.configuration(folder, GIVEN) | published_study.WITHOUT_NOTEBOOKS,
        "trained": published_study.configuration(folder, TRAINED),
    }
    for kind, declared in plugins.declarations(KINDS).items():
        checkpoint = {"path": str(folder / kind), "dtype": "float32", "kind": kind}
        more = {}
        if declared["words"] is None:
            published.checkpoint(folder / kind, kind)
        else:
            judges.weights(folder / kind)
            words = judges.words_file(folder / f"{kind}-words", {"verdict": "So:"})
            checkpoint["judge"] = {"prompt": str(words), "asks": "steps"}
        if declared["writes"]:
            checkpoint["judge"]["critique"] = {"count": 2, "max_tokens": 8}
            more = {"search": {"strategies": []}, "ablations": {"larger_search": False}}
        prm = {"checkpoint": checkpoint, "preflight": None}
        found[kind] = merge(found["given"], {"study": {"name": kind}, "prm": prm} | more)
    prompt = folder / "solved.yaml"
    prompt.write_text(yaml.safe_dump(solved_first()), encoding="utf-8")
    problems = {"prompt": str(prompt)}
    found["solved"] = merge(found["given"], {"study": {"name": "solved"}, "problems": problems})
    layers = {"checkpoint": {"linear": "onednn"}}
    found["onednn"] = merge(found["given"], {"study": {"name": "onednn"}, "policy": layers, "prm": layers})
    return found


def solved_first() -> dict:
    """A prompt whose solved problems are so long that engines compute them once for all that they are asked."""
    drawn = [small_models.problem(random.Random(seed)) for seed in (101, 102, 103)]
    examples = [{"problem": each["question"], "solution": each["answer"]} for each in drawn]
    return small_models.PROMPT | {"examples": examples}


def of_a_thinking_model(folder: Path) -> dict:
    """A study of a checkpoint that thinks, written to `folder`, at two budgets of thought."""
    folder.mkdir(parents=True)
    thinking_models.checkpoint(folder / "thinking")
    (folder / "say.yaml").write_text(yaml.safe_dump(thinking_models.PROMPT), encoding="utf-8")
    rows = [{"question": f" {number} one", "answer": "#### 1"} for number in range(12)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "said.jsonl").write_text(lines, encoding="utf-8")
    thinking = {"budgets": [3, 6], "samples": 8, "answer_tokens": 4, "ending": thinking_models.ENDING}
    return (
        {name: QUICK[name] for name in ("evaluation", "difficulty", "allocation", "figures")}
        | {name: {"use": False} for name in ("prm", "orm", "revision")}
        | {
            "study": {"name": "thinking"},
            "problems": {
                "test": SOURCE | {"path": str(folder / "said.jsonl"), "rows": len(rows)},
                "prompt": str(folder / "say.yaml"),
                "equality": "text",
            },
            "policy": {
                "checkpoint": {"path": str(folder / "thinking"), "dtype": "float32"},
                "thought": {"open": thinking_models.OPEN, "close": thinking_models.CLOSE},
            },
            "sampling": {"samples": 8, "max_tokens": 60, "thinking": thinking},
            "search": {"strategies": []},
        }
    )


def of_a_pool(folder: Path) -> dict:
    """A study of two pools that are written to `folder`, with votes to compare."""
    folder.mkdir(parents=True)
    draw = random.Random(1)
    problems, rows, votes = [], {"policy": [], "other": []}, []
    for number in range(8):
        name, answer = f"p{number}", str(draw.randint(2, 9))
        problems.append({"problem_id": name, "question": f"What is {answer} + 0?", "answer": answer})
        for pool in rows:
            said = [
                answer if draw.random() < 0.2 + number / 12 else str(draw.randint(2, 9)) for _ in range(8)
            ]
            for sample, each in enumerate(said):
                text = f"We add nothing.\n\nSo it is \\boxed{{{each}}}."
                scores = [round(draw.uniform(0.1, 0.9), 3) for _ in range(2)]
                row = {
                    "problem_id": name,
                    "q": name,
                    "text": text,
                    "run": "r",
                    "sample": sample,
                    "tokens": 9 + sample,
                    "prompt_tokens": 20 + number,
                }
                rows[pool].append(row | ({"step_scores": scores} if pool == "policy" else {}))
            if pool == "policy":
                votes += [
                    {"run": "r", "question": name, "rule": "maj", "n": n, "answer": _most(said[:n])}
                    for n in (1, 4, 8)
                ]
    for name, lines in {"problems": problems, "votes": votes, **rows}.items():
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
        )
    columns = {name: name for name in ("problem_id", "text", "run", "sample", "tokens")}
    read = {
        "path": str(folder / "policy.jsonl"),
        "columns": columns | {"step_scores": "step_scores", "prompt_tokens": "prompt_tokens"},
    }
    policy = read | {"parameters": 3000, "price": {"read": 1.0, "decoded": 2.0}}
    return (
        published_study.OF_A_POOL
        | published_study.WITHOUT_NOTEBOOKS
        | {
            "study": {"name": "pool"},
            "source": {
                "problems": {"path": str(folder / "problems.jsonl")},
                "pools": {
                    "policy": policy,
                    "other": {"path": str(folder / "other.jsonl"), "columns": columns},
                },
                "reference_votes": {
                    "path": str(folder / "votes.jsonl"),
                    "rules": {"maj": "majority"},
                    "question": "q",
                    "pool": read,
                },
            },
        }
    )


def of_verdicts(folder: Path) -> dict:
    """A study of verdicts without texts, with a search of the same policy and its tree."""
    folder.mkdir(parents=True)
    draw = random.Random(2)
    rows, nodes = [], []
    for number in range(8):
        for sample in range(8):
            right = draw.random() < 0.1 + number / 10
            score = round(draw.uniform(0.3, 0.9) if right else draw.uniform(0.1, 0.7), 3)
            kind = "beam" if sample < 4 else "sampled"
            rows.append({"id": f"p{number}", "kind": kind, "ok": right, "score": score})
        for node, parent in enumerate((None, None, 0)):
            each = {"id": f"p{number}", "node": node, "parent": parent, "text": f"Step {node}.", "score": 0.5}
            nodes.append(each)
    for name, lines in {"rows": rows, "nodes": nodes}.items():
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
        )
    read = {
        "path": str(folder / "rows.jsonl"),
        "columns": {"problem_id": "id", "correct": "ok", "step_scores": "score"},
    }
    tree = {"path": str(folder / "nodes.jsonl"), "columns": {"problem_id": "id"}}
    return published_study.OF_A_POOL | {
        "study": {"name": "verdicts"},
        "source": {
            "pools": {"policy": read | {"where_not": {"kind": ["beam"]}}},
            "searches": {"beam(width=2)": read | {"where": {"kind": ["beam"]}, "tree": tree}},
            "grading": "recorded",
        },
    }


def _most(said: list[str]) -> str:
    """The answer that most gave; of equals, the one that came first."""
    return Counter(said).most_common(1)[0][0]
