"""Outputs of commands: made once, taken up again, and never overwritten by other settings."""

import polars as pl
import pytest

from ttc.errors import InputError
from ttc.run.files import work_folder
from ttc.run.kept_output import kept_output, record_path

FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_an_output_is_written_once_with_its_settings_beside_it(tmp_path, suffix):
    output = tmp_path / f"out/made{suffix}"
    for _ in range(2):
        with kept_output(output, {"rule": "x"}) as kept:
            if kept is not None:
                kept.write(FRAME)
    assert kept is None and output.is_file() and record_path(output).is_file()
    assert sorted(path.name for path in output.parent.iterdir()) == [output.name, record_path(output).name]


def test_an_output_with_other_settings_is_refused_and_stays(tmp_path):
    output = tmp_path / "made.csv"
    with kept_output(output, {"rule": "x", "budget": 3}) as kept:
        kept.write(FRAME)
    before = output.read_bytes()
    with pytest.raises(InputError, match=r"was made with other settings \(budget: 3 there, 4 here\)"):
        with kept_output(output, {"rule": "x", "budget": 4}):
            pass
    assert output.read_bytes() == before


def test_what_was_begun_is_taken_up_and_not_dropped_for_other_settings(tmp_path):
    output = tmp_path / "made.csv"
    with pytest.raises(KeyboardInterrupt):
        with kept_output(output, {"budget": 3}) as kept:
            kept.work.add(samples=FRAME)
            raise KeyboardInterrupt
    with pytest.raises(InputError, match=r"was begun with other settings \(budget: 3 there, 4 here\)"):
        with kept_output(output, {"budget": 4}):
            pass
    with kept_output(output, {"budget": 3}) as kept:
        assert len(kept.work.blocks) == 1 and kept.work.table("samples").equals(FRAME)
        kept.write(FRAME)
    assert not work_folder(output).exists()


def test_a_changed_file_and_a_stranger_s_are_refused(tmp_path):
    output = tmp_path / "made.csv"
    with kept_output(output, {}) as kept:
        kept.write(FRAME)
    output.write_text("a\n")
    with pytest.raises(InputError, match="changed after it was made"):
        with kept_output(output, {}):
            pass
    record_path(output).unlink()
    with pytest.raises(InputError, match=r"no made\.csv\.json says how it was made"):
        with kept_output(output, {}):
            pass


@pytest.mark.parametrize(
    ("name", "said"), [("a.parket", r"did you mean '\.parquet'"), ("a", "has no ending")]
)
def test_an_unknown_ending_is_refused(tmp_path, name, said):
    with pytest.raises(InputError, match=said):
        with kept_output(tmp_path / name, {}):
            pass
