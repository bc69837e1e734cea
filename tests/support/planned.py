"""Planned studies: files of a small one, keys of artifacts, and which stages a configuration gives new ones."""

from pathlib import Path

from ttc.study.build import plan_study

# Without the larger policy's samples and searches
ALONE = {"ablations": {"larger_search": False}}


def few_problems(folder: Path) -> dict:
    """The section `problems` of a study of eight questions, whose files are written to `folder`."""
    (folder / "test.jsonl").write_text('{"question": "1 + 1?", "answer": "#### 2"}\n' * 8)
    (folder / "prompt.yaml").write_text("template: '{problem}'\nextract: [hashes]\nask_again: Again.\n")
    source = {"columns": {"question": "question", "solution": "answer"}, "extract": ["hashes"]}
    return {
        "test": source | {"path": str(folder / "test.jsonl"), "rows": 8},
        "prompt": str(folder / "prompt.yaml"),
    }


def keys(root, **given):
    """The key of each artifact that the configuration `given` plans, by stage and label."""
    return {(each.stage, each.label): each.key for each in plan_study(given, root).artifacts}


def changed(root, **given):
    """Stages that have a new artifact with the configuration `given`."""
    before = set(keys(root).items())
    return {
        stage for (stage, label), key in keys(root, **given).items() if ((stage, label), key) not in before
    }
