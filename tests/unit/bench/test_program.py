"""The program under load must be the sandbox's in all but thresholds and agents, or a benchmark measures less."""

from dataclasses import replace
from pathlib import Path

from pointguard_server.domain.codes import Context
from pointguard_server.sandbox import data as sandbox_data
from pointguard_server.service.program_config import AdjustmentsConfig, ProgramConfig, load_program_config
from tests.bench.program import OUT_OF_REACH, describe_program, load_members, program_text, write_program


def without_thresholds(config: ProgramConfig) -> ProgramConfig:
    """Return the configuration with every threshold 0, and without what watches agents."""
    cap = config.redemption.daily_cap
    assert cap is not None
    return replace(
        config,
        redemption=replace(config.redemption, daily_cap=replace(cap, threshold=0)),
        adjustments=AdjustmentsConfig(),
        fraud_rules=tuple(
            replace(rule, threshold=0) for rule in config.fraud_rules if rule.context is not Context.ADJUSTMENT
        ),
    )


def test_the_program_under_load_is_the_sandboxs_with_thresholds_out_of_reach(tmp_path: Path) -> None:
    program, _ = write_program(tmp_path)
    loaded = load_program_config(program.read_text(), "program.toml")
    sandbox = load_program_config(sandbox_data.read_text("program.toml"), "program.toml")
    assert without_thresholds(loaded) == without_thresholds(sandbox)
    assert {rule.threshold for rule in loaded.fraud_rules} == {OUT_OF_REACH}
    assert loaded.redemption.daily_cap is not None
    assert loaded.redemption.daily_cap.threshold == OUT_OF_REACH


def test_the_earn_rules_and_stores_are_the_sandboxs(tmp_path: Path) -> None:
    _, stores = write_program(tmp_path)
    assert (tmp_path / "earn.rules").read_text() == sandbox_data.read_text("earn.rules")
    assert stores.read_text() == sandbox_data.read_text("stores.csv")


def test_the_settings_name_every_rule_that_is_evaluated(tmp_path: Path) -> None:
    program, _ = write_program(tmp_path)
    facts = describe_program(program)
    config = load_program_config(program.read_text(), "program.toml")
    assert facts["fraud_rules"] == [rule.name for rule in config.fraud_rules]
    assert facts["controls"] == ["daily_cap", "out_of_province"]
    assert facts["earn_rules"] == sandbox_data.read_text("earn.rules").count('\nrule "')


def test_the_line_for_people_names_each_window_once(tmp_path: Path) -> None:
    program, _ = write_program(tmp_path)
    text = program_text(program)
    assert "16 fraud rules over windows (DAY, ROLLING 7d, MONTH, ROLLING 1d), 2 controls" in text


def test_members_have_ids_of_their_own_and_stores_that_exist() -> None:
    members = load_members(1_000)
    assert len({member.loyalty_id for member in members}) == 1_000
    assert {member.store_id for member in members} == {store.store_id for store in sandbox_data.read_stores()}
