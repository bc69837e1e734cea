"""Published checkpoints: fetched or refused in one sentence, described, referred to."""

import json
import pickle
import shutil

import pytest
import torch
import transformers
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file, save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from tests.support import small_models
from tests.support.published import edit_config
from ttc import digests
from ttc.digests import file_digest
from ttc.errors import InputError
from ttc.models import parameters
from ttc.models.card import parameters_of, read_card
from ttc.models.directory import count_parameters
from ttc.models.fetch import describe, fetch
from ttc.models.shapes import stored_shapes
from ttc.models.weights import Weights, weights_of
from ttc.run import job
from ttc.stages import fetch_model
from ttc.store.folders import folder_digest

COMMIT = 40 * "a"
SPEC = {"hub": None, "revision": None, "dtype": "float32", "attention": "sdpa", "trust_remote_code": False}
POLICY = {"role": "policy"} | SPEC
PRM = {"role": "prm", "format": "qwen_extra0", "separator": None} | SPEC


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return small_models.checkpoint(tmp_path_factory.mktemp("models") / "qwen3", "qwen3")


@pytest.fixture
def model(shared, tmp_path):
    """A checkpoint to spoil."""
    return shutil.copytree(shared, tmp_path / "model")


def fetched(output, folder=None, spec=POLICY):
    inputs = {} if folder is None else {"checkpoint": [folder]}
    fetch_model.run(spec, inputs, output, job.Runtime(device="cpu"))
    return output


def sentence(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# From the hub


class Response:
    """As much of an answer of the hub as its errors ask for."""

    headers, status_code, request = {}, 403, None


REFUSALS = {
    "gated": (
        GatedRepoError("403 Client Error.\nAccess to model a/b is restricted.", response=Response()),
        "model 'a/b': it is gated; accept its conditions on its page, log in (`hf auth login`) and run the same",
    ),
    "unknown": (
        RepositoryNotFoundError("404 Client Error.\n", response=Response()),
        "model 'a/b': there is no such model on the hub, or it is private; its id is OWNER/NAME, as on its page",
    ),
    "no commit": (
        RevisionNotFoundError("404 Client Error.\n", response=Response()),
        f"model 'a/b': it has no commit {COMMIT}; take one of its page",
    ),
    "not in the cache": (
        LocalEntryNotFoundError("Cannot find an appropriate cached snapshot folder\nfor the revision"),
        f"model 'a/b': it is not in the cache at commit {COMMIT}, and the hub cannot be reached; run `snakemake "
        "fetch_model` once where there is a connection",
    ),
    "offline": (OfflineModeIsEnabled("offline mode"), f"model 'a/b': it is not in the cache at commit {COMMIT}"),
    "no connection": (ConnectionError("refused\n"), f"model 'a/b': it is not in the cache at commit {COMMIT}"),
    "full disk": (OSError("No space left on device.\nmore"), "model 'a/b': No space left on device"),
    "something else": (ValueError(), "model 'a/b': ValueError"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_hub_refuses_is_one_sentence(monkeypatch, case):
    error, said = REFUSALS[case]

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert sentence(fetch, "a/b", COMMIT).startswith(said)


def test_a_gated_model_is_told_also_where_the_library_speaks_of_its_cache(monkeypatch):
    def refuse(*_, **__):
        try:
            raise REFUSALS["gated"][0]
        except GatedRepoError as error:
            raise LocalEntryNotFoundError("An error happened while trying to locate the files") from error

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert "it is gated" in sentence(fetch, "a/b", COMMIT)


def test_what_is_in_the_cache_needs_no_connection(monkeypatch, tmp_path, shared):
    """The real library, offline: the snapshot of the very commit is taken, and of no other."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    shutil.copytree(shared, tmp_path / "models--a--b/snapshots" / COMMIT)
    assert fetch("a/b", COMMIT) == tmp_path / "models--a--b/snapshots" / COMMIT
    assert "it is not in the cache at commit bbb" in sentence(fetch, "a/b", 40 * "b")


REPOSITORY = (
    "config.json",
    "tokenizer.json",
    "tokenizer.model",
    "chat_template.jinja",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "consolidated.safetensors",
    "consolidated-00001-of-00001.safetensors",
    "pytorch_model.bin",
    "model.gguf",
    "original/params.json",
    "original/tokenizer.model",
    "original/consolidated.00.pth",
    "onnx/config.json",
)


@pytest.mark.parametrize("single", [True, False])
def test_only_files_that_are_read_are_fetched(monkeypatch, tmp_path, single):
    """What the library takes of a repository that holds a model in several layouts."""
    names = [*REPOSITORY, "model.safetensors" if single else "model.safetensors.index.json"]
    index = {"weight_map": {"a": REPOSITORY[4], "b": REPOSITORY[5]}}

    def download(hub, revision, allow_patterns, ignore_patterns=None):
        assert (hub, revision) == ("a/b", COMMIT)
        for name in filter_repo_objects(
            names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
        ):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(json.dumps(index))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert fetch("a/b", COMMIT) == tmp_path
    found = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    weights = {"model.safetensors"} if single else {*REPOSITORY[4:6], "model.safetensors.index.json"}
    assert found == {*REPOSITORY[:4], *weights}


def test_only_weights_that_the_index_names_are_hashed(model):
    before = [digests.folder_files(model), describe(model, "m"), folder_digest(model, model / "no/memory")]
    for name in ("consolidated.safetensors", "original/params.json", "original/model.safetensors"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("{}")
    assert before == [
        digests.folder_files(model),
        describe(model, "m"),
        folder_digest(model, model / "no/memory"),
    ]
    indexed(model)
    save_file({"b": torch.zeros(3, 5)}, model / "model-00002-of-00002.safetensors")
    names = {file.name for file in digests.folder_files(model)}
    assert {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} <= names
    assert "consolidated.safetensors" not in names and "params.json" not in names


# Parameters


def test_a_tied_head_counts_once_also_where_it_is_stored(model):
    known = describe(model, "m")["parameters"]
    weights = load_file(model / "model.safetensors")
    embedding = weights["model.embed_tokens.weight"]
    untied = "lm_head.weight" in weights
    edit_config(model, tie_word_embeddings=True)
    save_file(weights | {"lm_head.weight": embedding.clone()}, model / "model.safetensors")
    assert describe(model, "m")["parameters"] == known - untied * embedding.numel()
    edit_config(model, tie_word_embeddings=False)
    assert describe(model, "m")["parameters"] == known + (not untied) * embedding.numel()


def test_of_a_network_that_is_unknown_here_the_files_are_counted(model):
    known = describe(model, "m")["parameters"]
    edit_config(model, model_type="of_next_year", architectures=["OfNextYear"])
    weights = load_file(model / "model.safetensors")
    frequencies = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}
    save_file(weights | frequencies, model / "model.safetensors")
    assert describe(model, "m")["parameters"] == known


def packed(model):
    """The checkpoint with its matrices in four bits, eight to an integer, as GPTQ and AWQ store them."""
    weights = load_file(model / "model.safetensors")
    for name in [name for name in weights if name.endswith("proj.weight")]:
        rows, columns = weights.pop(name).shape
        weights[name.replace(".weight", ".qweight")] = torch.zeros(columns // 8, rows, dtype=torch.int32)
    save_file(weights, model / "model.safetensors")


def test_packed_weights_are_counted_as_what_they_are_or_refused(model, tmp_path):
    known = describe(model, "m")["parameters"]
    packed(model)
    edit_config(model, quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 128})
    assert describe(model, "m")["parameters"] == known
    edit_config(model, quantization_config=None)
    said = sentence(fetched, tmp_path / "made", model)
    assert (
        "its weights are packed (" in said
        and "holds I32), and its config.json has no quantization_config" in said
    )
    edit_config(model, quantization_config={"quant_method": "gptq", "bits": 4}, model_type="of_next_year")
    assert "its network is unknown here" in sentence(fetched, tmp_path / "other", model)


def test_a_mixture_of_experts_is_counted_by_what_a_token_passes(model, tmp_path, capsys):
    """All parameters and active ones, from experts one by one in the files and stacked in the network."""
    words = small_models.tokenizer()
    shape = {"hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": len(words)}
    config = Qwen3MoeConfig(
        **shape, **heads, num_experts=8, num_experts_per_tok=2, max_position_embeddings=256, eos_token_id=2
    )
    network = Qwen3MoeForCausalLM(config)
    network.save_pretrained(tmp_path / "moe")
    words.save_pretrained(tmp_path / "moe")
    card = read_card(fetched(tmp_path / "made", tmp_path / "moe"))
    expert = 3 * 32 * 16
    assert card["parameters"] == sum(each.numel() for each in network.parameters())
    assert card["active_parameters"] == card["parameters"] - 2 * (8 - 2) * expert
    assert parameters_of(tmp_path / "made") == card["active_parameters"]
    assert parameters_of(tmp_path / "made", all_of_them=True) == card["parameters"]
    assert f"({card['active_parameters']:,} of them active" in capsys.readouterr().out
    stored = stored_shapes(tmp_path / "moe")
    settings = json.loads((tmp_path / "moe/config.json").read_text())
    assert (
        parameters.active(stored, settings, parameters.total(stored, settings)) == card["active_parameters"]
    )
    edit_config(tmp_path / "moe", num_experts_per_tok=None, model_type="of_next_year")
    assert "does not say how many of them read a token" in sentence(
        fetched, tmp_path / "no", tmp_path / "moe"
    )


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [("Mixtral", 46_702_792_704, 12_879_925_248), ("DeepseekV3", 671_026_404_352, 37_552_282_624)],
)
def test_published_mixtures_have_the_sizes_that_their_authors_state(name, total, active):
    """Mixtral 8x7B: 46.7B and 12.9B; DeepSeek-V3: 671B and 37B.  These are the defaults of the configurations."""
    make = getattr(transformers, f"{name}ForCausalLM")
    config = make.config_class()
    with torch.device("meta"):
        network = make._from_config(config)
    shapes = {name: list(each.shape) for name, each in network.named_parameters()}
    assert count_parameters(network) == total
    assert parameters.active(shapes, config.to_dict(), total) == active


# What is described


def test_a_card_says_what_a_checkpoint_is(shared, tmp_path, capsys):
    output = fetched(tmp_path / "made", shared)
    card = read_card(output)
    assert (card["kind"], card["architecture"], card["window"]) == ("policy", "qwen3", small_models.WINDOW)
    weights = load_file(shared / "model.safetensors")
    assert card["parameters"] == sum(each.numel() for each in weights.values())
    assert card["files"]["model.safetensors"] == file_digest(shared / "model.safetensors")
    assert card["chat_template"] and "hub" not in card["checkpoint"]
    assert str(tmp_path) not in (output / "card.json").read_text()
    assert "qwen3, 9" in capsys.readouterr().out
    assert weights_of(output) == Weights(shared.resolve())


def test_a_model_of_the_hub_is_named_by_its_commit(monkeypatch, shared, tmp_path):
    monkeypatch.setattr(fetch_model, "fetch", lambda hub, revision: shared)
    output = fetched(tmp_path / "made", spec=POLICY | {"hub": "a/b", "revision": COMMIT, "dtype": "bfloat16"})
    assert read_card(output)["checkpoint"] == {
        "hub": "a/b",
        "revision": COMMIT,
        "dtype": "bfloat16",
        "attention": "sdpa",
        "trust_remote_code": False,
    }
    assert weights_of(output).options["dtype"] == torch.bfloat16


def test_digests_tell_every_change_of_weights_tokenizer_and_template(model):
    def described():
        about = describe(model, "m")
        return json.dumps(about["files"]), about["tokenizer"]

    seen = [described()]
    save_file({**load_file(model / "model.safetensors"), "more": torch.ones(1)}, model / "model.safetensors")
    seen.append(described())
    assert seen[1][1] == seen[0][1]  # the tokenizer is the same
    words = small_models.tokenizer()
    words.chat_template = small_models.CHAT.replace("assistant", "model")
    words.save_pretrained(model)
    seen.append(described())
    words.add_tokens(["apples"])
    words.save_pretrained(model)
    edit_config(model, vocab_size=len(words))
    seen.append(described())
    for part in (0, 1):
        assert len({each[part] for each in seen}) == (4 if part == 0 else 3)


def without(name):
    return lambda folder: (folder / name).unlink()


def written(name, text):
    return lambda folder: (folder / name).write_text(text)


def pickled(folder):
    (folder / "model.safetensors").unlink()
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump({}, file)


def indexed(folder):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


SPOILED = {
    "no configuration": (without("config.json"), "not a checkpoint, it has no config.json"),
    "damaged configuration": (written("config.json", "{"), "its config.json is not valid JSON (Expecting property"),
    "no weights": (without("model.safetensors"), "it has no weights model.safetensors"),
    "a pickle": (
        pickled,
        "it has no weights model.safetensors; pytorch_model.bin is a pickle, which is never loaded: convert it to",
    ),
    "a shard": (indexed, "it has no weights model-00002-of-00002.safetensors"),
    "damaged weights": (written("model.safetensors", "x" * 99), "model.safetensors is not readable as safetensors ("),
    "damaged tokenizer": (written("tokenizer.json", "{}"), "its tokenizer cannot be loaded ("),
    "no window": (
        lambda folder: edit_config(folder, max_position_embeddings=None),
        "its config.json names no window (max_position_embeddings)",
    ),
    "another tokenizer": (
        lambda folder: edit_config(folder, vocab_size=100),
        "its tokenizer has ids up to 288 and its network 100 tokens; they are not of one model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_what_is_no_checkpoint_is_refused_and_nothing_is_written(model, tmp_path, case):
    spoil, said = SPOILED[case]
    spoil(model)
    assert sentence(fetched, tmp_path / "made", model).startswith(f"{model}: {said}")
    assert not (tmp_path / "made").exists()


def test_no_tokenizer(model, tmp_path):
    """`transformers` makes one without a vocabulary, and does not complain."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    said = sentence(fetched, tmp_path / "made", model)
    assert said == f"{model}: its tokenizer cannot be loaded (there is no vocabulary beside the weights)"


def test_a_folder_that_is_not_there(tmp_path):
    assert "there is no such checkpoint directory" in sentence(fetched, tmp_path / "made", tmp_path / "gone")


def test_weights_in_several_files_are_counted_together(model):
    """Where the network is unknown; what is known of a network is not changed by what lies in its files besides."""
    before = describe(model, "m")["parameters"]
    indexed(model)
    save_file({"b": torch.zeros(3, 5)}, model / "model-00002-of-00002.safetensors")
    assert describe(model, "m")["parameters"] == before
    edit_config(model, model_type="of_next_year")
    assert describe(model, "m")["parameters"] == before + 15


def test_a_verifier_has_the_tokens_of_its_kind(tmp_path):
    folder = small_models.verifier(tmp_path / "prm")
    assert read_card(fetched(tmp_path / "made", folder, PRM))["format"] == "qwen_extra0"
    words = small_models.tokenizer()
    words.chat_template = None
    (folder / "chat_template.jinja").unlink()
    words.save_pretrained(folder)
    said = sentence(fetched, tmp_path / "other", folder, PRM)
    assert "kind 'qwen_extra0' needs a tokenizer with a chat template" in said
    ki = PRM | {"format": "ki_tag"}
    assert "one token for 'ки'" in sentence(fetched, tmp_path / "other", folder, ki)
    assert fetched(tmp_path / "trl", folder, PRM | {"format": "trl_tokencls", "separator": "\n\n"}).is_dir()


# Where weights are


def test_a_checkpoint_that_was_moved_away_is_named(model, tmp_path):
    output = fetched(tmp_path / "made", model)
    model.rename(tmp_path / "elsewhere")
    said = sentence(weights_of, output)
    assert said.startswith(f"{output}: the checkpoint that it refers to is no longer at {model.resolve()}; ")
    assert f"rm -r {output}" in said


def test_what_was_trained_here_holds_its_own_weights(tmp_path):
    assert weights_of(tmp_path) == Weights(tmp_path)  # of any checkpoint
    (tmp_path / "card.json").write_text('{"kind": "prm"}')
    assert weights_of(tmp_path) == Weights(tmp_path, "float32")
    (tmp_path / "card.json").write_text('{"kind": "prm", "dtype": "bfloat16"}')
    assert weights_of(str(tmp_path)) == Weights(tmp_path, "bfloat16")


def test_the_network_is_never_asked_for_a_file(tmp_path):
    assert Weights(tmp_path).options["local_files_only"] is True
