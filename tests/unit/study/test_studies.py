"""The ready studies: each can be planned, and what is said of them is what their plans say."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, Qwen2Config, Qwen3Config

from ttc.errors import InputError
from ttc.estimate import studies
from ttc.grading.words import in_words
from ttc.models.qwen2 import Qwen2WithClasses
from ttc.problems import prompts
from ttc.study.build import ROOT, plan_study
from ttc.study.config import load

FILES = sorted((ROOT / "studies").glob("*.yaml"))
# Shapes as the models' own config.json have them: width, layers, heads, heads of keys, inner width, tied embeddings
SHAPES = {
    "meta-llama/Llama-3.2-1B-Instruct": (LlamaConfig, 128256, 2048, 16, 32, 8, 8192, True),
    "meta-llama/Llama-3.2-3B-Instruct": (LlamaConfig, 128256, 3072, 28, 24, 8, 8192, True),
    "meta-llama/Llama-3.1-8B-Instruct": (LlamaConfig, 128256, 4096, 32, 32, 8, 14336, False),
    "RLHFlow/Llama3.1-8B-PRM-Deepseek-Data": (LlamaConfig, 128256, 4096, 32, 32, 8, 14336, False),
    "Qwen/Qwen2.5-0.5B-Instruct": (Qwen2Config, 151936, 896, 24, 14, 2, 4864, True),
    "Qwen/Qwen2.5-1.5B-Instruct": (Qwen2Config, 151936, 1536, 28, 12, 2, 8960, True),
    "Qwen/Qwen2.5-7B-Instruct": (Qwen2Config, 152064, 3584, 28, 28, 4, 18944, False),
    "Qwen/Qwen2.5-14B-Instruct": (Qwen2Config, 152064, 5120, 48, 40, 8, 13824, False),
    "Qwen/Qwen2.5-Math-PRM-7B": (Qwen2Config, 152064, 3584, 28, 28, 4, 18944, False),
    "Qwen/Qwen3-0.6B-Base": (Qwen3Config, 151936, 1024, 28, 16, 8, 3072, True),
    "Qwen/Qwen3-8B-Base": (Qwen3Config, 151936, 4096, 36, 32, 8, 12288, False),
}


def configuration(hub: str) -> PreTrainedConfig:
    made, vocabulary, width, layers, heads, keys, inner, tied = SHAPES[hub]
    shape = {"vocab_size": vocabulary, "hidden_size": width, "num_hidden_layers": layers}
    shape |= {"num_attention_heads": heads, "num_key_value_heads": keys, "intermediate_size": inner}
    return made(**shape, head_dim=128 if made is Qwen3Config else width // heads, tie_word_embeddings=tied)


def checkpoints() -> dict[str, int]:
    """The stated numbers of parameters of all checkpoints that the studies name."""
    found = {}
    for plan in studies.published_studies().values():
        for role in ("policy", "larger_policy", "prm"):
            checkpoint = getattr(plan.configuration, role).checkpoint
            if checkpoint is not None:
                assert found.setdefault(checkpoint.hub, checkpoint.parameters) == checkpoint.parameters
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_study_is_named_after_its_file_and_can_be_planned(file):
    configuration = load(ROOT / "config.yaml", file)
    assert file.stem in (configuration["study"]["name"], "pool")
    try:
        plan = plan_study(configuration, ROOT)
    except InputError as error:  # a study of files that lie elsewhere
        elsewhere = configuration.get("source") or configuration["policy"]["checkpoint"]["path"]
        assert elsewhere and "there is no" in str(error)
        return
    assert plan.of("publish") and plan.of("fit_allocator")


def test_the_facts_of_the_laptop_study_are_of_every_level_and_each_is_asked_once():
    lines = (ROOT / "studies/problems/short_facts.jsonl").read_text(encoding="utf-8").splitlines()
    facts = [json.loads(line) for line in lines]
    assert all(set(each) == {"id", "question", "answer", "level", "subject"} for each in facts)
    assert {each["level"] for each in facts} == {1, 2, 3, 4, 5}
    for key in ("id", "question"):
        assert len({each[key] for each in facts}) == len(facts) > 150
    for each in facts:
        forms = {in_words(answer).form for answer in each["answer"]}
        assert len(forms) == len(each["answer"]) and all(forms), each
    shown = {problem for problem, _ in prompts.load("short_fact_chat").examples}
    assert not shown & {each["question"] for each in facts}


def test_what_the_ready_studies_take_is_what_is_written():
    text = (ROOT / "docs/models.md").read_text()
    assert studies.table() in text
    assert text.count(studies.MARK) == 2


def test_a_study_says_how_it_is_run():
    for name in studies.published_studies():
        text = (ROOT / f"studies/{name}.yaml").read_text()
        assert f"ttc pin studies/{name}.yaml" in text
        assert f"--configfile studies/{name}.yaml" in text


@pytest.mark.parametrize("hub", SHAPES)
def test_the_stated_numbers_of_parameters_are_those_of_the_architecture(hub):
    stated = checkpoints()[hub]
    with torch.device("meta"):
        if "PRM-7B" in hub:
            model = Qwen2WithClasses(configuration(hub))
        else:
            model = AutoModelForCausalLM.from_config(configuration(hub))
    model.tie_weights()
    assert stated == sum({id(each): each.numel() for each in model.parameters()}.values())


def test_every_checkpoint_of_a_study_has_a_known_shape():
    assert checkpoints().keys() == SHAPES.keys()


def test_prompts_of_the_studies_fit_their_models():
    for plan in studies.published_studies().values():
        prompt = prompts.load(plan.configuration.problems.prompt)
        policy = Path(plan.configuration.policy.checkpoint.hub).name
        assert (prompt.format == "chat") == policy.endswith("Instruct")
