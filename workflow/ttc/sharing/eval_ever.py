"""Samples of a study in the form of Every Eval Ever 0.3: a line of JSON for each, and beside them what they come to.

`data/COLLECTION/DEVELOPER/MODEL/UUID_samples.jsonl` and `UUID.json`, a pair for each evaluation
(`ttc.sharing.evaluations`).  Written as plain JSON without the format's own library, whose validator reads it in tests.
Equal studies give equal bytes, so what has to be unique is made of keys, and what has to be a
time is the day of the commit.
"""

import datetime
import hashlib
import json
import math
import statistics
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ttc.sharing.crate import UNDATED
from ttc.sharing.evaluations import Evaluation, portable
from ttc.tables.analysis import CURVES
from ttc.tables.generation import PROBLEMS, PROMPTS, SAMPLES, SCORES

VERSION = "0.3.0"
ROWS = 4096  # samples in memory
ONE = "pass_at_1"
DISCRETE = {"score_type": "continuous", "min_score": 0.0, "max_score": 1.0, "lower_is_better": False}
COUNTED = ("problem_id", "text", "answer", "correct", "tokens")  # fields of a record have these
NOT_SAID = "not known"


class Written:
    """What was written of an evaluation: its folder, number, lines, their SHA-256, and the share of each question."""

    def __init__(self, evaluation: Evaluation, collection: str, study: str, day: str):
        developer, *names = evaluation.model.id.split("/")
        self.folder = f"data/{collection}/{developer}/{'_'.join(names)}"
        digest = hashlib.sha256(evaluation.keys.encode()).digest()
        self.number = str(uuid.UUID(bytes=digest[:16], version=4))
        self.time = str(int(datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()))
        named = f"{study}.{evaluation.pool}.{evaluation.role}"
        self.id = f"{named}/{evaluation.model.id}/{self.time}"
        self.rows, self.sha256, self.shares = 0, "", []

    @property
    def samples(self) -> str:
        """The name of the lines."""
        return f"{self.folder}/{self.number}_samples.jsonl"

    @property
    def aggregate(self) -> str:
        """The name of what they come to."""
        return f"{self.folder}/{self.number}.json"

    @property
    def accuracy(self) -> float:
        """Mean over questions of the share of their samples that is right."""
        return math.fsum(self.shares) / len(self.shares)


def write(
    evaluation: Evaluation,
    study: str,
    code: dict,
    made_with: dict,
    bootstrap: int,
    out: Path,
    progress: Callable[[int, int], None],
) -> Written:
    """Write both files of an evaluation below `out`.

    code: as in `archive.json` (`share.commit`); made_with: versions by name; bootstrap: the resamples of `curves`.
    """
    done = Written(evaluation, portable(f"ttc-{study}"), study, code["day"] or UNDATED)
    (out / done.folder).mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256()
    with (out / done.samples).open("wb") as file:
        for block, number, blocks in _blocks(evaluation):
            for row in block.iter_rows(named=True):
                # Escapes beyond ASCII: readers that split a text into lines also do so at U+2028 and its like
                line = json.dumps(_record(row, evaluation, done), sort_keys=True).encode() + b"\n"
                sha.update(line)
                file.write(line)
            done.rows += len(block)
            shares = block.group_by("problem_id").agg(pl.col("correct").mean()).sort("problem_id")
            done.shares += shares["correct"].to_list()
            progress(number, blocks)
    done.sha256 = sha.hexdigest()
    content = _aggregate(evaluation, done, study, code, made_with, bootstrap)
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    (out / done.aggregate).write_text(text, encoding="utf-8")
    return done


def _blocks(evaluation: Evaluation) -> Iterator[tuple[pl.DataFrame, int, int]]:
    """Samples with question, answer and scores, by problem and index, a block of whole problems at a time."""
    prompts = None
    if evaluation.prompts is not None:
        prompts = PROMPTS.read(evaluation.prompts, ["tokens"]).select("problem_id", prompt_tokens="tokens")
    spans = SAMPLES.spans(evaluation.samples, ROWS)
    for number, span in enumerate(spans):
        block = SAMPLES.read(evaluation.samples, span=span)
        asked = PROBLEMS.read(evaluation.problems, ["question", "answer", "level"], span)
        block = block.join(asked.rename({"answer": "gold"}), on="problem_id", how="left")
        for verifier, paths in evaluation.scores.items():
            if paths:
                scores = SCORES.read(paths, ["step_scores"], span)
                named = scores.select(
                    "problem_id", "sample_index", pl.col("step_scores").alias(f"{verifier}_steps")
                )
                block = block.join(named, on=["problem_id", "sample_index"], how="left")
        if prompts is not None:
            block = block.join(prompts, on="problem_id", how="left")
        yield block.sort("problem_id", "sample_index"), number + 1, len(spans)


def _record(row: dict, evaluation: Evaluation, done: Written) -> dict:
    """The record of a sample: a score of 0 or 1, and everything that has no field of its own as texts."""
    text, answer, gold = row["text"], row["answer"], row["gold"]
    reference = [gold] if gold else []
    record = {
        "schema_version": VERSION,
        "evaluation_id": done.id,
        "model_id": evaluation.model.id,
        "evaluation_name": evaluation.source.name,
        "evaluation_result_id": ONE,
        "sample_id": row["problem_id"],
        "sample_hash": hashlib.sha256("".join([row["question"], *reference]).encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": row["question"], "reference": reference},
        "output": {"raw": [] if text is None else [text]},
        "answer_attribution": [],
        "evaluation": {"score": float(row["correct"]), "is_correct": row["correct"]},
    }
    others = {
        name: value
        for name, value in row.items()
        if name not in (*COUNTED, "question", "gold", "prompt_tokens")
    }
    others["level"] = row["level"] or None  # 0: not given
    if text is not None and answer is not None:
        found = {"turn_idx": 0, "source": "output.raw", "extracted_value": answer, "is_terminal": True}
        record["answer_attribution"] = [found | {"extraction_method": evaluation.extract}]
    else:
        others["answer"] = answer
    read, given = row.get("prompt_tokens"), row["tokens"]
    if read is not None and given is not None:
        record["token_usage"] = {"input_tokens": read, "output_tokens": given, "total_tokens": read + given}
    else:
        others["output_tokens"] = given
    record["metadata"] = {name: _text(value) for name, value in others.items() if value is not None}
    return record


def _text(value) -> str:
    """A value as text; numbers of single precision with the fewest digits that tell them apart."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(np.float32(value)) if isinstance(value, float) else str(value)


def _aggregate(
    evaluation: Evaluation, done: Written, study: str, code: dict, made_with: dict, bootstrap: int
) -> dict:
    model, source, made = evaluation.model, evaluation.source, evaluation.made
    engine = {name: made[key] for name, key in (("name", "engine"), ("version", "version")) if made.get(key)}
    about = {"deployment_type": model.deployment, "model_availability": model.availability}
    arguments = {name: made[name] for name in ("temperature", "max_tokens") if name in made}
    common = {"evaluation_name": source.name, "source_data": _source(evaluation, done)}
    if arguments:
        common["generation_config"] = {"generation_args": arguments}
    results = [_one(done), *_curves(evaluation, bootstrap)]
    return {
        "schema_version": VERSION,
        "evaluation_id": done.id,
        "retrieved_timestamp": done.time,
        "source_metadata": {
            "source_name": f"ttc study {study}",
            "source_type": "evaluation_run",
            "source_organization_name": NOT_SAID,
            "evaluator_relationship": "other",
            "additional_details": {
                "retrieved_timestamp": "the day of the commit of ttc, so that equal studies give equal bytes"
            },
        },
        "eval_library": {
            "name": "ttc",
            "version": code["commit"] or "unknown",
            "additional_details": made_with,
        },
        "model_info": {
            "id": model.id,
            "name": model.name,
            "additional_details": about | ({"revision": model.revision} if model.revision else {}),
        }
        | ({"inference_engine": engine} if engine else {}),
        "evaluation_results": [common | each for each in results],
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": done.samples,
            "hash_algorithm": "sha256",
            "checksum": done.sha256,
            "total_rows": done.rows,
        },
    }


def _source(evaluation: Evaluation, done: Written) -> dict:
    source = evaluation.source
    if source.hub is None:
        return {"dataset_name": source.name, "source_type": "other"}
    details = {name: value for name in ("revision", "config") if (value := getattr(source, name))}
    return {
        "dataset_name": source.name,
        "source_type": "hf_dataset",
        "hf_repo": source.hub,
        "hf_split": source.split,
        "samples_number": len(done.shares),
        "additional_details": details,
    }


def _one(done: Written) -> dict:
    """The result that the lines belong to: pass@1, whose error counts questions, not samples."""
    number = len(done.shares)
    uncertainty = {"num_samples": number}
    if number > 1:
        deviation = statistics.stdev(done.shares, done.accuracy)
        error = {"value": deviation / math.sqrt(number), "method": "analytic, over questions"}
        uncertainty |= {"standard_deviation": deviation, "standard_error": error}
    description = "Mean over questions of the share of their samples whose answer is right"
    return {
        "evaluation_result_id": ONE,
        "metric_config": DISCRETE
        | {
            "evaluation_description": description,
            "metric_id": "pass_at_k",
            "metric_name": "pass@1",
            "metric_kind": "pass_rate",
            "metric_unit": "proportion",
            "metric_parameters": {"k": 1},
        },
        "score_details": {
            "score": done.accuracy,
            "details": {"questions": str(number), "samples": str(done.rows)},
            "uncertainty": uncertainty,
        },
    }


def _curves(evaluation: Evaluation, bootstrap: int) -> Iterator[dict]:
    """Points of the table `curves` over all questions that are this model's in this way of sampling."""
    curves = CURVES.read(evaluation.curves).filter(bin=0)
    larger, greedy = pl.col("family") == "larger", pl.col("strategy") == "greedy"
    own = {"samples": ~larger, "larger_samples": larger & ~greedy, "larger_greedy": larger & greedy}
    rows = curves.filter(own[evaluation.role] & (pl.col("strategy") != ONE))
    for row in rows.iter_rows(named=True):
        parts = [row["family"], row["strategy"], row["selection"]]
        kept = {name: row[name] for name in ("family", "strategy", "selection", "bins", "budget")}
        yield {
            "evaluation_result_id": "/".join([*parts, row["bins"], str(row["budget"])]),
            "metric_config": DISCRETE
            | {
                "evaluation_description": "Mean correctness of the answers chosen at a budget",
                "metric_id": ".".join(["ttc", *parts]),
                "metric_name": f"{row['strategy']} at budget {row['budget']}",
                "metric_kind": "accuracy",
                "metric_unit": "proportion",
                "metric_parameters": kept,
            },
            "score_details": {
                "score": row["accuracy"],
                "details": {"questions": str(row["problems"])},
                "uncertainty": {
                    "num_samples": row["problems"],
                    "num_bootstrap_samples": bootstrap,
                    "confidence_interval": {
                        "lower": row["low"],
                        "upper": row["high"],
                        "confidence_level": 0.95,
                        "method": "percentile bootstrap over questions",
                    },
                },
            },
        }
