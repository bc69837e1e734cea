"""Questions that the paper leaves open: what is done here, and the configuration that decides, for the report.

The questions are data, `open_questions.yaml`.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

RESOURCES = ("open_questions.yaml",)


@dataclass(frozen=True)
class Choice:
    """One open question: `here` says what is done, `keys` are those of the configuration that decide, often none.

    needs: keys of which a study has one with a value where the question arises in it; often none.
    """

    topic: str
    here: str
    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _read() -> tuple[Choice, ...]:
    rows = yaml.safe_load(Path(__file__).with_name(RESOURCES[0]).read_text(encoding="utf-8"))
    return tuple(
        Choice(row["topic"], row["here"], tuple(row.get("keys", ())), tuple(row.get("needs", ())))
        for row in rows
    )


CHOICES: tuple[Choice, ...] = _read()

_ABSENT = object()


def choices(configuration: dict) -> list[dict]:
    """The list with the configuration that decides, without the keys that a study lacks, what only they
    decide, and what does not arise in it.

    Each row has `topic`, `here` and `lines`, the keys with their values.
    """
    rows = []
    for choice in CHOICES:
        values = [(key, _look_up(configuration, key)) for key in choice.keys]
        lines = [f"{key}: {_inline(value)}" for key, value in values if value is not _ABSENT]
        arises = not choice.needs or any(
            _look_up(configuration, key) not in (_ABSENT, None, []) for key in choice.needs
        )
        if arises and (lines or not choice.keys):
            rows.append({"topic": choice.topic, "here": choice.here, "lines": lines})
    return rows


def _look_up(configuration: dict, key: str) -> object:
    value: object = configuration
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _inline(value: object) -> str:
    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    ).split("\n")[0]
