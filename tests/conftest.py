"""The order in which files of tests are run: long ones first."""

from pathlib import Path

FOLDER = Path(__file__).parent
# Seconds to minutes each, and much of it waiting: begun last, they would be what everything else has to wait for.
LONGEST = (
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


def pytest_collection_modifyitems(items):
    """Order files by `LONGEST`; what is not in it keeps its order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.relative_to(FOLDER).as_posix(), len(places)))
