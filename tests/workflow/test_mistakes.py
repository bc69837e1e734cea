"""A mistake in the configuration: one sentence, exit status not zero, nothing touched."""

import pytest

from tests.support.workflow_project import SOURCE, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("mistakes"))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"sampling": {"sampels": 3}}, "sampling.sampels: there is no such key"),
        (
            {"sampling": {"samples": "many"}},
            "sampling.samples: a whole number is expected, and 'many' was given",
        ),
        (
            {"search": {"strategies": [{"kind": "beam", "width": 3}]}},
            "the budget 4 is not a multiple of the width 3",
        ),
        ({"source": SOURCE}, "source.pools.policy.path: there is no file pool.jsonl"),
    ],
    ids=["misspelt", "ill-typed", "does not fit", "no file"],
)
def test_a_mistake_is_told_in_one_sentence(project, sections, said):
    before = sorted(project.folder.rglob("*"))
    overlay = project.configure(**sections)
    result = project.snakemake("--cores", "1", "--configfile", overlay)
    assert result.returncode != 0
    told = [line for line in result.stdout.splitlines() if line.startswith("configuration: ")]
    assert len(told) == 1
    assert said in told[0]
    assert "Traceback" not in result.stdout
    (project.folder / overlay).unlink()
    after = [path for path in sorted(project.folder.rglob("*")) if ".snakemake" not in path.parts]
    assert [path for path in after if "__pycache__" not in path.parts] == [
        path for path in before if not {".snakemake", "__pycache__"} & set(path.parts)
    ]


def test_a_mistake_of_a_job_is_told_once_without_the_command_around_it(project):
    """Nothing of what Snakemake prints about a job that fails repeats its sentence or its specification."""
    stage = "workflow/ttc/stages/problems.py"
    before = (project.folder / stage).read_text()
    said = "problems: the sentence about the mistake"
    project.write(stage, before + f'\nprint("{said}", file=sys.stderr)\nraise SystemExit(2)\n')
    result = project.snakemake("--cores", "1", "problems")
    project.write(stage, before)
    assert result.returncode != 0
    assert result.stdout.count(said) == 1, result.stdout
    assert "Error in rule problems_job" in result.stdout and "--spec" not in result.stdout
    assert "results/logs/problems/generated-" in result.stdout
