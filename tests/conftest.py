"""What holds for all tests: no deadlines, the order of the files, and which of them are slow."""

from pathlib import Path

import pytest
from hypothesis import settings

# On a busy machine an example may take any time.  The same code is tested with the same examples, so that a change is
# never refused for what somebody else wrote; `make test-random` looks for mistakes that nobody has met yet.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")

FOLDER = Path(__file__).parent
# Seconds to minutes each, and much of it waiting: begun last, they would be what everything else has to wait for.
# Further files of whole studies follow, and the rest.
LONGEST = (
    "workflow/test_changed_behaviour.py",
    "workflow/test_equality.py",
    "workflow/test_published.py",
    "workflow/test_killed_stages.py",
    "unit/grading/test_equality_workers.py",
    "workflow/test_published_mistakes.py",
    "workflow/test_large_plans.py",
    "external/test_math500_pool.py",
    "unit/run/test_resume.py",
    "unit/tools/test_benchmarks.py",
)
# Left out of `make test-quick`: what starts processes, trains at length, draws every figure or copies the package
SLOW = (
    "unit/evaluation/test_streaming.py",
    "unit/figures/test_figures_ablations.py",
    "unit/grading/test_equality_workers.py",
    "unit/grading/test_grading.py",
    "unit/grading/test_reply_cache.py",
    "unit/report/test_gallery.py",
    "unit/run/test_resume.py",
    "unit/stages/test_model_stages.py",
    "unit/stages/test_stage_preflight.py",
    "unit/store/test_key_costs.py",
    "unit/tools/test_benchmarks.py",
    "unit/training/test_finetuning.py",
    "unit/training/test_finetuning_runs.py",
    "unit/verifiers/test_verifier_incremental.py",
)


def pytest_collection_modifyitems(items):
    """Order files by `LONGEST`, then those of `workflow/`, then the others; mark the tests of `SLOW` files."""
    for name in (*LONGEST, *SLOW):
        assert (FOLDER / name).is_file(), f"tests/conftest.py names {name}, which does not exist"
    places = {name: place for place, name in enumerate(LONGEST)}
    names = {item: item.path.relative_to(FOLDER).as_posix() for item in items}
    items.sort(
        key=lambda item: (places.get(names[item], len(places)), not names[item].startswith("workflow/"))
    )
    for item in items:
        if names[item] in SLOW:
            item.add_marker(pytest.mark.slow)
