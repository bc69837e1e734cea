"""Sources of problems: every kind of file gives the same table; what is wrong is told in one sentence each."""

import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from ttc import plugins
from ttc.digests import canonical
from ttc.errors import InputError
from ttc.problems import hub, loading
from ttc.problems.layout import COLUMNS
from ttc.problems.sources import DEFAULTS, content, resolve
from ttc.problems.table import without
from ttc.tables.generation import PROBLEMS

PRESETS = {name: each["source"] for name, each in plugins.declarations("ttc.problems.presets").items()}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [
    {
        "id": "b",
        "text": "one plus one?",
        "gold": "2",
        "work": "It is $\\boxed{2}$.",
        "hard": "1",
        "kind": "sums",
    },
    {
        "id": "a",
        "text": "a half?",
        "gold": "1/2",
        "work": "So \\boxed{\\frac{1}{2}}",
        "hard": "3",
        "kind": "parts",
    },
]
COLUMNS_GIVEN = {
    "problem_id": "id",
    "question": "text",
    "answer": "gold",
    "solution": "work",
    "level": "hard",
    "subject": "kind",
}
FORMS = ("parquet", "jsonl", "json", "csv", "saved", "saved_splits")


def changed(**values) -> list[dict]:
    """The rows, the second one with other values."""
    return [ROWS[0], ROWS[1] | values]


def write(folder: Path, rows: list[dict] = ROWS, form: str = "jsonl") -> Path:
    path = folder / f"problems.{form}"
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == "json":
        path.write_text(json.dumps(rows, indent=1))
    elif form == "csv":
        frame.write_csv(path)
    elif form == "parquet":
        frame.write_parquet(path)
    else:
        saved = datasets.Dataset.from_list(rows)
        if form == "saved_splits":
            saved = datasets.DatasetDict({"train": saved.select([0]), "test": saved})
        saved.save_to_disk(str(path))
    return path


def read_problems(given: dict, exclude=None) -> pl.DataFrame:
    """The problems of a section of the configuration, as the stage reads them."""
    full = resolve(given)
    paths = full["path"] or []
    return loading.read_problems(content(full), paths if isinstance(paths, list) else [paths], exclude)


def section(path: Path, **changes) -> dict:
    return {"path": str(path), "columns": COLUMNS_GIVEN} | changes


@pytest.mark.parametrize("form", FORMS)
def test_every_kind_of_file_gives_the_same_table(tmp_path, form):
    path = write(tmp_path, form=form)
    split = {"split": "test"} if form == "saved_splits" else {}
    problems = read_problems(section(path, **split))
    expected = [
        ("b", "test", 1, "one plus one?", "2", "It is $\\boxed{2}$.", "sums"),
        ("a", "test", 3, "a half?", "1/2", "So \\boxed{\\frac{1}{2}}", "parts"),
    ]
    assert problems.rows() == expected
    written = PROBLEMS.write(problems, tmp_path / "table.parquet")
    assert written.rows() == [row[:-1] for row in sorted(expected)]


def test_without_a_column_of_answers_they_are_found_in_the_solutions(tmp_path):
    columns = {"question": "text", "solution": "work"}
    problems = read_problems({"path": str(write(tmp_path)), "columns": columns, "role": "train"})
    assert problems.select("problem_id", "split", "level", "answer", "subject").rows() == [
        ("train/00000", "train", 0, "2", None),
        ("train/00001", "train", 0, "\\frac{1}{2}", None),
    ]


def test_several_files_are_one_source(tmp_path):
    first = write(tmp_path, ROWS[:1], "jsonl")
    second = write(tmp_path, [dict(reversed(ROWS[1].items()))], "parquet")
    spec = content(resolve(section([str(first), str(second)])))
    assert "path" not in spec and "preset" not in spec
    problems = loading.read_problems(spec, [first, second])
    assert problems["problem_id"].to_list() == ["b", "a"]
    strange = write(tmp_path, [{"id": "c"}], "csv")
    with pytest.raises(InputError, match=r"problems.csv: its columns are not those of .*problems.jsonl"):
        loading.read_problems(spec, [first, strange])
    with pytest.raises(InputError, match=r"a source of local files is read, and no file was given"):
        loading.read_problems(spec)


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ("3", 3),
        (3, 3),
        (3.0, 3),
        ("Level 5", 5),
        ("level 1", 1),
        ("Level ?", 0),
        ("?", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_levels(tmp_path, given, level):
    rows = [ROWS[0] | {"hard": given}]
    assert read_problems(section(write(tmp_path, rows)))["level"].to_list() == [level]


REFUSED = {
    "no question": ({"text": " "}, r"row 2, problem 'a': column 'text' is empty"),
    "question missing": ({"text": None}, r"row 2, problem 'a': column 'text' is empty"),
    "no answer": ({"gold": ""}, r"row 2, problem 'a': column 'gold' is empty"),
    "no id": ({"id": None}, r"row 2, problem 'None': column 'id' is empty"),
    "id twice": ({"id": "b"}, r"row 2, problem 'b': the problem id was given before; ids must be unique"),
    "level": ({"hard": "difficult"}, r"row 2, problem 'a': level 'difficult'; allowed are whole numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_row_is_refused_in_one_sentence(tmp_path, case):
    values, message = REFUSED[case]
    path = write(tmp_path, changed(**values))
    with pytest.raises(InputError, match=message) as caught:
        read_problems(section(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_gold_answer_that_cannot_be_found_is_refused(tmp_path):
    columns = COLUMNS_GIVEN | {"answer": None}
    path = write(tmp_path, changed(work="It is a half."))
    with pytest.raises(
        InputError,
        match=r"row 2, problem 'a': no gold answer was found in its solution by boxed; methods are",
    ):
        read_problems(section(path, columns=columns))
    found = read_problems(
        section(write(tmp_path, changed(work="0.5")), columns=columns, extract=["boxed", "last_number"])
    )
    assert found["answer"].to_list() == ["2", "0.5"]
    with pytest.raises(InputError, match=r"no column is mapped to 'answer', nor one to 'solution'"):
        read_problems(section(path, columns={"question": "text"}))
    with pytest.raises(InputError, match=r"row 2, problem 'a': column 'work' is empty"):
        read_problems(section(write(tmp_path, changed(work=None)), columns=columns))


def test_a_column_that_is_missing_names_the_nearest(tmp_path):
    with pytest.raises(
        InputError, match=r"the column 'txt', which is to be 'question', is missing; .*did you mean 'text'\?"
    ):
        read_problems(section(write(tmp_path), columns=COLUMNS_GIVEN | {"question": "txt"}))


SECTIONS = {
    "unknown key": ({"pth": "x"}, r"problems: the key 'pth' is unknown; .*did you mean 'path'"),
    "unknown preset": ({"preset": "math-500"}, r"the preset 'math-500' is unknown; .*did you mean 'math500'"),
    "unknown column": (
        {"path": "x", "columns": {"qestion": "x"}},
        r"columns: 'qestion' is unknown; .*did you mean 'question'",
    ),
    "unknown role": ({"path": "x", "role": "tset"}, r"the role 'tset' is unknown; .*did you mean 'test'"),
    "unknown method": ({"path": "x", "extract": ["box"]}, r"'box' is not a method of finding answers"),
    "no place": ({}, r"one of `hub` and `path` says where the problems are, and neither is given"),
    "no place for a preset": ({"preset": "prm800k_train"}, r"and neither is given"),
    "two places": ({"hub": "a/b", "path": "x", "revision": COMMIT}, r"and both are given"),
    "no revision": (
        {"hub": "a/b", "split": "test"},
        r"data set 'a/b': no revision is given; it must be a commit",
    ),
    "no owner": ({"hub": "b.jsonl", "split": "test"}, r"data set 'b.jsonl': the id .* is OWNER/NAME"),
    "a branch": ({"hub": "a/b", "revision": "main", "split": "test"}, r"'main' is not the name of a commit"),
    "no split": ({"hub": "a/b", "revision": COMMIT}, r"the data set 'a/b' needs a `split`"),
    "revision of a file": ({"path": "x", "revision": COMMIT}, r"`revision` belongs to a data set of the hub"),
}


@pytest.mark.parametrize("case", SECTIONS)
def test_a_section_that_means_nothing_is_refused(case):
    given, message = SECTIONS[case]
    with pytest.raises(InputError, match=message) as caught:
        resolve(given)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for name, text, message in (
        ("p.json", '[{"a": 1},', r"p.json, line 1: not JSON, perhaps truncated"),
        ("p.json", '{"a": 1}', r"p.json: not a JSON list of objects"),
        ("p.json", '{"a": 1}\n{"a": 2}\n', r"must be named .jsonl"),
        ("p.csv", "", r"p.csv: not a readable CSV file"),
        ("p.txt", "a", r"must end in .parquet, .jsonl, .json or .csv"),
        ("p.jsonl", "", r"p.jsonl: the problems file has no rows"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            read_problems(section(tmp_path / name))
    with pytest.raises(InputError, match=r"absent.jsonl: no such file"):
        read_problems(section(tmp_path / "absent.jsonl"))


def test_folders_that_datasets_did_not_save_are_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"a folder must be one that `datasets` saved"):
        read_problems(section(tmp_path / "folder"))
    splits = write(tmp_path, form="saved_splits")
    with pytest.raises(
        InputError, match=r"the split 'tset' is unknown; there are train, test; did you mean 'test'"
    ):
        read_problems(section(splits, split="tset"))
    with pytest.raises(InputError, match=r"it has several splits, and none was named; there are train, test"):
        read_problems(section(splits))
    saved = write(tmp_path, form="saved")
    next(saved.glob("*.arrow")).write_bytes(b"")
    with pytest.raises(InputError, match=r"not readable as a data set that `datasets` saved") as caught:
        read_problems(section(saved))
    assert "\n" not in str(caught.value)


def test_problems_are_left_out_by_id_or_by_question(tmp_path):
    problems = read_problems(section(write(tmp_path)))
    same_id = pl.DataFrame({"problem_id": ["a"], "question": ["another"]})
    same_question = pl.DataFrame({"problem_id": ["x"], "question": ["one  plus\none? "]})
    assert without(problems, same_id)["problem_id"].to_list() == ["b"]
    assert without(problems, same_question)["problem_id"].to_list() == ["a"]
    assert read_problems(section(write(tmp_path)), exclude=same_question)["problem_id"].to_list() == ["a"]


def test_the_number_of_problems_is_checked(tmp_path):
    path = write(tmp_path)
    with pytest.raises(InputError, match=r"problems.jsonl: 2 problems where 3 are expected; `rows` says"):
        read_problems(section(path, rows=3))
    layout = COLUMNS_GIVEN | {"problem_id": "id"}
    with pytest.raises(InputError, match=r"2 problems where 500 are expected"):
        read_problems({"preset": "math500", "path": str(path), "columns": layout})
    assert len(read_problems({"preset": "math500", "path": str(path), "columns": layout, "rows": None})) == 2
    left = pl.DataFrame({"problem_id": ["a"], "question": [""]})
    with pytest.raises(InputError, match=r"2 problems where 12,500 are expected; `rows` says .* included"):
        read_problems({"preset": "math_train", "path": str(path), "columns": layout}, exclude=left)


def test_problems_that_are_left_out_change_no_count_that_is_asked_for(tmp_path):
    path = write(tmp_path)
    left = pl.DataFrame({"problem_id": ["a"], "question": [""]})
    assert read_problems(section(path, rows=2), exclude=left)["problem_id"].to_list() == ["b"]
    every = read_problems(section(path))
    with pytest.raises(InputError, match=r"all 2 training problems are test problems, too"):
        read_problems(section(path, rows=2), exclude=every)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_resolve_to_a_section_that_says_all(name):
    given = {"preset": name}
    if "hub" in PRESETS[name]:
        full = resolve(given)
        assert resolve(full) == full
        assert content(resolve(content(full))) == content(full)
        assert json.loads(canonical(content(full))) == content(full)
    local = resolve(given | {"path": "copy.jsonl"})
    assert resolve(local) == local
    assert set(local) == set(DEFAULTS) and set(local["columns"]) == set(COLUMNS)
    assert local["hub"] is local["revision"] is local["config"] is local["split"] is None
    assert local["rows"] == PRESETS[name]["rows"]


def test_a_column_of_a_preset_may_be_left_out():
    full = resolve({"preset": "aime_2024", "columns": {"solution": None}})
    assert full["columns"]["solution"] is None and full["columns"]["answer"] == "answer"
    assert resolve(full) == full


# What `datasets` raises, of which it drops the cause where it has looked into its cache in vain
FAILURES = {
    "gated": (
        datasets.exceptions.DatasetNotFoundError("Dataset 'a/b' is a gated dataset on the Hub."),
        r"data set 'a/b': it is gated; accept its conditions",
    ),
    "unknown": (
        datasets.exceptions.DatasetNotFoundError(
            "Dataset 'a/b' doesn't exist on the Hub or cannot be accessed."
        ),
        r"data set 'a/b': there is no such data set on the hub, or it is private",
    ),
    "revision": (
        datasets.exceptions.DatasetNotFoundError(
            f"Revision '{COMMIT}' doesn't exist for dataset 'a/b' on the Hub."
        ),
        rf"data set 'a/b': it has no revision {COMMIT}",
    ),
    "offline": (
        ConnectionError("Couldn't reach 'a/b' on the Hub (LocalEntryNotFoundError)"),
        r"data set 'a/b': the hub cannot be reached and the data set is not in the cache",
    ),
    "configuration": (
        ValueError("BuilderConfig 'x' not found. Available: ['main', 'socratic']"),
        r"it cannot be read \(BuilderConfig 'x' not found. Available: \['main', 'socratic'\]\)",
    ),
    "split": (
        ValueError("Unknown split \"tests\".\nShould be one of ['train', 'test']."),
        r"it cannot be read \(Unknown split \"tests\". Should be one of",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_of_the_hub_are_one_sentence(monkeypatch, case):
    error, message = FAILURES[case]

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(InputError, match=message) as caught:
        read_problems({"hub": "a/b", "revision": COMMIT, "split": "test"})
    assert "\n" not in str(caught.value)


def test_a_folder_with_the_name_of_a_data_set_is_not_read_in_its_place(monkeypatch, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"data set 'a/b': a folder of this name lies here"):
        read_problems({"hub": "a/b", "revision": COMMIT, "split": "test"})


def test_without_a_connection_the_real_library_gives_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        InputError, match=r"data set 'openai/no-such-thing', configuration 'main': the hub cannot"
    ):
        hub.load("openai/no-such-thing", COMMIT, ["main"], "test")


def cached(folder: Path, commit: str) -> None:
    """A data set in the cache of `datasets`, as a download of one revision leaves it."""
    place = folder / "a___b" / "default" / "0.0.0" / commit
    place.mkdir(parents=True)
    writer = datasets.arrow_writer.ArrowWriter(path=str(place / "b-test.arrow"))
    for row in ROWS:
        writer.write(row)
    writer.finalize()
    split = {"name": "test", "num_bytes": 1, "num_examples": len(ROWS), "dataset_name": "b"}
    info = {"config_name": "default", "dataset_name": "b", "splits": {"test": split}}
    (place / "dataset_info.json").write_text(json.dumps(info))


def test_a_cached_data_set_is_used_only_at_the_revision_asked_for(monkeypatch, tmp_path):
    """`datasets` takes the newest revision in its cache when the hub cannot be reached; we do not."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    cached(tmp_path, COMMIT)
    given = {"hub": "a/b", "split": "test", "columns": COLUMNS_GIVEN}
    assert len(read_problems(given | {"revision": COMMIT})) == 2
    with pytest.raises(
        InputError, match=rf"the newest revision in the cache is {COMMIT}, not {COMMIT[::-1]}"
    ):
        read_problems(given | {"revision": COMMIT[::-1]})


def test_configurations_follow_one_another(monkeypatch):
    asked = []

    def load(name, config, split, revision):
        asked.append((name, config, split, revision))
        return datasets.Dataset.from_list(
            [{"problem": config, "solution": r"\boxed 3", "level": "Level 2", "type": "T"}]
        )

    monkeypatch.setattr(datasets, "load_dataset", load)
    problems = read_problems({"preset": "math_train", "rows": None})
    assert problems["question"].to_list() == PRESETS["math_train"]["config"]
    assert problems.select("problem_id", "split", "level", "answer", "subject").row(0) == (
        "train/00000",
        "train",
        2,
        "3",
        "T",
    )
    assert {row[2:] for row in asked} == {("train+test", PRESETS["math_train"]["revision"])}
