"""What becomes of the rounds of a benchmark."""

import json
from pathlib import Path

import pytest

from tests.bench.results import Round, disturbance_of, summarize, table_of

ROUNDS = [Round(90.0, 100.0), Round(70.0, 100.0), Round(80.0, 200.0)]


def test_a_result_is_the_median_of_its_rounds_with_the_lowest_and_highest_ratio() -> None:
    result = summarize("unary", "decisions/s", "ratio ≥ 0.70", ROUNDS, {})
    assert (result.ratio, result.low, result.high) == (0.7, 0.4, 0.9)
    assert (result.pointguard, result.baseline) == (80.0, 100.0)


def test_no_rounds_are_no_result() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        summarize("unary", "decisions/s", "", [], {})


def test_a_result_becomes_a_file_of_its_name_with_every_round(tmp_path: Path) -> None:
    summarize("unary", "decisions/s", "ratio ≥ 0.70", ROUNDS, {"cores": 2}).write(tmp_path / "results")
    document = json.loads((tmp_path / "results" / "unary.json").read_text())
    assert {"name", "ratio", "low", "high", "unit", "pointguard", "baseline", "rounds", "settings"} <= document.keys()
    assert document["rounds"][2] == {"pointguard": 80.0, "baseline": 200.0}
    assert document["settings"] == {"cores": 2}


def test_the_table_has_a_row_for_each_result() -> None:
    results = [summarize(name, "s", "", ROUNDS, {}) for name in ("start", "start-memory")]
    assert table_of(results).row_count == 2


def test_the_disturbance_is_that_of_the_worst_round_of_either_side() -> None:
    settings = {"pointguard_runs": [{"others_cores_busy": 0.1}], "baseline_runs": [{"others_cores_busy": 0.4}, {}]}
    assert disturbance_of([summarize("unary", "decisions/s", "", ROUNDS, settings)]) == 0.4
    assert disturbance_of([summarize("start", "s", "", ROUNDS, {})]) == 0.0
