"""Small files in exactly the shapes in which tools of evaluation write samples, for the recipes of docs/pools.md.

Two questions, with two samples each where the tool can: the first sample is right, and the second is not.
"""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import polars as pl
import pyarrow
import yaml

QUESTIONS = ("What is 6 times 7?", "Seven birds sit on a fence and two fly away. How many are left?")
GOLDS = ("42", "5")
WRONG = ("41", "9")


def _said(form: str) -> list[list[str]]:
    """Two completions of each question, with the answer put into a form."""
    return [[form % gold, form % wrong] for gold, wrong in zip(GOLDS, WRONG, strict=True)]


def _lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def lm_evaluation_harness(folder: Path) -> None:
    """`lm_eval --log_samples`, task gsm8k_cot_self_consistency: all responses once for every filter."""
    rows = []
    for number, texts in enumerate(_said("So there are as many as that.\nThe answer is %s.")):
        for name in ("score-first", "maj@64", "maj@8"):
            prompt = f"Q: {QUESTIONS[number]}\n\nA:"
            settings = {"until": ["Q:", "\n\n"], "do_sample": True, "temperature": 0.2}
            rows.append(
                {
                    "doc_id": number,
                    "doc": {"question": QUESTIONS[number], "answer": f"It is.\n#### {GOLDS[number]}"},
                    "target": GOLDS[number],
                    "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": settings}},
                    "resps": [texts],
                    "filtered_resps": [GOLDS[number]],
                    "filter": name,
                    "metrics": ["exact_match"],
                    "doc_hash": f"{number:064x}",
                    "prompt_hash": f"{number + 1:064x}",
                    "target_hash": f"{number + 2:064x}",
                    "exact_match": 1.0,
                }
            )
    _lines(folder / "samples_gsm8k_cot_self_consistency_2026-01-21T03-44-18.458309.jsonl", rows)


def lighteval(folder: Path) -> None:
    """`lighteval --save-details`: one row a document, with structures for it, its metrics and the response."""
    rows = [
        {
            "doc": {
                "query": QUESTIONS[number],
                "choices": [f"We count: \\boxed{{{GOLDS[number]}}}."],
                "gold_index": [0],
                "instruction": None,
                "task_name": "math_500|0",
                "id": str(number),
            },
            "metric": {"pass@k:k=1&n=2": 0.5},
            "model_response": {
                "input": QUESTIONS[number],
                "input_tokens": [1, 2, 3],
                "text": texts,
                "output_tokens": [[11, 12, 13], [11, 12, 13, 14]],
                "logprobs": [],
            },
        }
        for number, texts in enumerate(_said("It is \\boxed{%s}."))
    ]
    pl.DataFrame(rows).write_parquet(folder / "details_math_500|0_2026-01-21T03-44-18.458309.parquet")


def search_and_learn(folder: Path) -> None:
    """`scripts/test_time_compute.py` of search-and-learn: one line a problem, lists of completions and scores."""
    rows = []
    for number, texts in enumerate(_said("Let us count.\n\nIt is \\boxed{%s}.")):
        rows.append(
            {
                "problem": QUESTIONS[number],
                "solution": f"We count: \\boxed{{{GOLDS[number]}}}.",
                "answer": GOLDS[number],
                "subject": "Prealgebra",
                "level": number + 1,
                "unique_id": f"test/prealgebra/{number}.json",
                "completions": texts,
                "scores": [[0.9, 0.8], [0.7, 0.2]],
                "pred": texts[0],
                "completion_tokens": [12, 13],
                "agg_scores": [0.8, 0.2],
                "pred_weighted@2": f"\\boxed{{{GOLDS[number]}}}",
                "pred_maj@2": f"\\boxed{{{GOLDS[number]}}}",
                "pred_naive@2": f"\\boxed{{{GOLDS[number]}}}",
            }
        )
    _lines(folder / "best_of_n_completions.jsonl", rows)


def _monkeys(number: int, texts: list[str]) -> dict:
    return {
        "prompt": f"Question: {QUESTIONS[number]}\nAnswer:",
        "question": QUESTIONS[number],
        "samples": texts,
        "gt_answer": f"We count.\n#### {GOLDS[number]}",
        "is_corrects": [True, False],
    }


def large_language_monkeys(folder: Path) -> None:
    """The data set ScalingIntelligence/monkey_business: a JSON list with an object for each problem."""
    rows = [
        _monkeys(number, texts) | {"orig_dset_split": "test", "orig_dset_idx": 100 + number}
        for number, texts in enumerate(_said("We count.\n#### %s"))
    ]
    (folder / "GSM8K_Llama-3-8B-Instruct.json").write_text(json.dumps(rows))


def large_language_monkeys_evaluated(folder: Path) -> None:
    """What the repository's own scripts write: one YAML file for each problem, named by it."""
    evaluated = folder / "evaluated"
    evaluated.mkdir()
    for number, texts in enumerate(_said("def f():\n    return %s\n")):
        content = _monkeys(number, texts) | {"gt_answer": "assert f()"}
        (evaluated / f"{number}_0.yaml").write_text(yaml.dump(content, sort_keys=True))


def inspect_samples() -> list[dict]:
    """Samples of an Inspect log, two epochs of each; one message is in parts, as models that reason have it."""
    samples = []
    for number, texts in enumerate(_said("I have counted.\n\nANSWER: %s")):
        for epoch, text in enumerate(texts, 1):
            parts = [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": text}]
            message = {
                "id": f"m{number}{epoch}",
                "content": parts if epoch == 2 else text,
                "role": "assistant",
            }
            choice = {
                "message": message | {"source": "generate"},
                "stop_reason": "max_tokens" if epoch == 2 else "stop",
            }
            usage = {"input_tokens": 90, "output_tokens": 10 + epoch, "total_tokens": 100 + epoch}
            score = {"value": "C" if epoch == 1 else "I", "answer": (GOLDS, WRONG)[epoch - 1][number]}
            samples.append(
                {
                    "id": number + 1,
                    "epoch": epoch,
                    "input": QUESTIONS[number],
                    "target": GOLDS[number],
                    "messages": [{"id": "u", "content": QUESTIONS[number], "role": "user"}, message],
                    "output": {"model": "mockllm/model", "choices": [choice], "usage": usage, "time": 1.5},
                    "scores": {"match": score | {"explanation": text}},
                    "metadata": {},
                    "store": {},
                    "events": [],
                    "uuid": f"u{number}{epoch}",
                }
            )
    return samples


def _inspect_header() -> dict:
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "count", "model": "mockllm/model"},
        "plan": {},
    }


def inspect_json(folder: Path) -> None:
    """An Inspect log as JSON."""
    log = _inspect_header() | {
        "samples": inspect_samples(),
        "reductions": [{"scorer": "match", "samples": []}],
    }
    (folder / "logs").mkdir()
    (folder / "logs/2026-02-07T11-26-57+00-00_count_4V8zHbb.json").write_text(json.dumps(log, indent=2))


def inspect_eval(folder: Path, zstandard: bool = True) -> None:
    """An Inspect log as an archive, its members packed with Zstandard (zip method 93), or deflated as before 2026."""
    members = {"_journal/start.json": _inspect_header(), "header.json": _inspect_header()}
    for sample in inspect_samples():
        members[f"samples/{sample['id']}_epoch_{sample['epoch']}.json"] = sample
    members["summaries.json"] = [{"id": 1, "epoch": 1}]
    (folder / "logs").mkdir()
    path = folder / "logs/2026-02-07T11-26-57+00-00_count_4V8zHbb.eval"
    texts = {name: json.dumps(content, indent=2).encode() for name, content in members.items()}
    if zstandard:
        path.write_bytes(_zstandard(texts))
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)


def _zstandard(members: dict[str, bytes]) -> bytes:
    """A zip archive of members packed with Zstandard, which Python writes from 3.14 on: headers by hand."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name, text in members.items():
        packed, start = pyarrow.compress(text, codec="zstd", asbytes=True), body.tell()
        sizes = struct.pack("<IIIHH", zlib.crc32(text), len(packed), len(text), len(name), 0)
        common = struct.pack("<HHHHH", 63, 0, 93, 0, 0x21) + sizes
        body.write(b"PK\x03\x04" + common + name.encode() + packed)
        directory.write(b"PK\x01\x02" + struct.pack("<H", 63) + common)
        directory.write(struct.pack("<HHHII", 0, 0, 0, 0, start) + name.encode())
    start, size, count = body.tell(), directory.tell(), len(members)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, size, start, 0)
    return body.getvalue() + directory.getvalue() + end


def _own_problems(folder: Path, name: str = "name") -> None:
    rows = [
        {name: f"q{number}", "question": question, "answer": GOLDS[number]}
        for number, question in enumerate(QUESTIONS)
    ]
    _lines(folder / "problems.jsonl", rows)


def openai_batch(folder: Path) -> None:
    """The output file of a batch of chat completions, a request for each sample, in the order in which they ended."""
    _own_problems(folder)
    rows = []
    for number, texts in enumerate(_said("It is $\\boxed{%s}$.")):
        for sample, text in enumerate(texts):
            message = {"role": "assistant", "content": text, "refusal": None}
            choice = {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": ("stop", "length")[sample],
            }
            body = {
                "id": f"chatcmpl-{number}{sample}",
                "object": "chat.completion",
                "created": 1769000000,
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [choice],
                "usage": {"prompt_tokens": 22, "completion_tokens": 5 + sample, "total_tokens": 27 + sample},
                "system_fingerprint": "fp_0",
            }
            response = {"status_code": 200, "request_id": f"r{number}{sample}", "body": body}
            ids = {"id": f"batch_req_{number}{sample}", "custom_id": f"q{number}-{sample}"}
            rows.append(ids | {"response": response, "error": None})
    failed = {
        "code": "batch_expired",
        "message": "This request could not be executed before the window expired.",
    }
    rows.append({"id": "batch_req_9", "custom_id": "q1-2", "response": None, "error": failed})
    _lines(folder / "batch_output.jsonl", rows[::-1])


def vllm(folder: Path) -> None:
    """What `LLM.generate` returns with n=2, each RequestOutput as a line of JSON."""
    _own_problems(folder)
    rows = []
    for number, texts in enumerate(_said("It is \\boxed{%s}.")):
        outputs = [
            {
                "index": index,
                "text": text,
                "token_ids": list(range(100, 108 + index)),
                "cumulative_logprob": -2.5 - index,
                "logprobs": None,
                "finish_reason": ("stop", "length")[index],
                "stop_reason": None,
                "lora_request": None,
            }
            for index, text in enumerate(texts)
        ]
        prompt = f"<|im_start|>user\n{QUESTIONS[number]}<|im_end|>\n<|im_start|>assistant\n"
        head = {
            "request_id": str(number),
            "prompt": prompt,
            "prompt_token_ids": [1, 2, 3],
            "prompt_logprobs": None,
        }
        rows.append(head | {"outputs": outputs, "finished": True})
    _lines(folder / "generations.jsonl", rows)


def every_eval_ever(folder: Path) -> None:
    """Records of single samples, `<uuid>_samples.jsonl`, of schema 0.3."""
    rows = []
    for number, texts in enumerate(_said("The result is \\boxed{%s}")):
        for sample, text in enumerate(texts):
            given = {
                "raw": QUESTIONS[number],
                "formatted": f"Q: {QUESTIONS[number]}\nA:",
                "reference": [GOLDS[number]],
            }
            answer = (GOLDS, WRONG)[sample][number]
            attribution = {"turn_idx": 0, "source": "output.raw", "extracted_value": answer}
            rows.append(
                {
                    "schema_version": "0.3.0",
                    "evaluation_id": "gsm8k/demo-org_demo-model/1750000000",
                    "model_id": "demo-org/demo-model",
                    "evaluation_name": "gsm8k",
                    "evaluation_result_id": "gsm8k",
                    "sample_id": f"gsm8k_{number:04d}",
                    "sample_hash": f"{number:064x}",
                    "interaction_type": "single_turn",
                    "input": given,
                    "output": {"raw": [text]},
                    "answer_attribution": [attribution | {"extraction_method": "regex", "is_terminal": True}],
                    "evaluation": {"score": 1.0 - sample, "is_correct": sample == 0},
                    "token_usage": {
                        "input_tokens": 12,
                        "output_tokens": 7 + sample,
                        "total_tokens": 19 + sample,
                    },
                    "metadata": {"subject": "arithmetic"},
                }
            )
    _lines(folder / "f3a1c0de-4b2e-4c1a-9f6d-1b7e5a2c8d40_samples.jsonl", rows)


def answers_and_tokens(folder: Path) -> None:
    """A line for each question with [answer, tokens] of all its samples, as Best-of-∞ publishes them."""
    rows = [
        {
            "problem_num": number,
            "total_answers": 2,
            "answer_counts": {GOLDS[number]: 1, "": 1},
            "gold_answer": GOLDS[number],
            "majority_answer": GOLDS[number],
            "all_answers": [[GOLDS[number], 2825], ["", 2580]],
        }
        for number in range(2)
    ]
    _lines(folder / "aime2024_model.jsonl", rows)


def judged(folder: Path) -> None:
    """A table of a judge's verdicts, one row a game, with a reward model's logits."""
    games = [f"g{number},{outcome}" for number in range(2) for outcome in ("pass,1.5", "fail,-1.5")]
    (folder / "games.csv").write_text("\n".join(["game,outcome,reward", *games, ""]))


def counts(folder: Path) -> None:
    """Counts of right samples, as pass@k is computed from."""
    _lines(folder / "counts.jsonl", [{"id": f"q{number}", "n": 2, "c": 1} for number in range(2)])
