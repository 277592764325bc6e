"""How the benchmarks are asked for."""

import pytest

from tests.bench.__main__ import main


@pytest.mark.parametrize("arguments", [["nothing-of-the-kind"], ["--rounds", "0"], ["--seconds", "0"]])
def test_what_cannot_be_measured_is_refused_before_anything_is_started(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
