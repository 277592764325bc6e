"""Messages of fraud rules: what is refused where they are written, and what tills are shown."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pointguard_server.service.message_templates import fallbacks
from pointguard_server.service.messages import NO_MESSAGES, Languages, Messages
from pointguard_server.service.program_config import ProgramConfigError, load_program_config

PROGRAM = """
[program]
code = "grocer"
name = "Grocer Rewards"
time_zone = "America/Toronto"
currency = "CAD"
[program.redemption]
points = 1000
money_minor = 1000
[program.earn]
rules = "earn.rules"
"""
FRENCH = '[program.fraud]\nlanguage = "fr"\n'
UNTIL = int(datetime(2026, 12, 3, 14, 4, 30, tzinfo=ZoneInfo("America/Toronto")).timestamp() * 1_000_000)


def rule(
    message: str, *, name: str = "eager", window: str = 'rolling = "7d"', measure: str = "COUNT", threshold: int = 10,
    posture: str = "WARN", duration: str = "1d",
) -> str:  # fmt: skip
    return f"""
[[fraud_rule]]
name = "{name}"
context = "REDEMPTION"
counts = {{ parts = ["REDEEM"], attempts = "ALL" }}
measure = "{measure}"
window = {{ {window} }}
threshold = {threshold}
posture = "{posture}"
duration = "{duration}"
message = {{ {message} }}
"""


def messages(text: str) -> Messages:
    return Messages(load_program_config(PROGRAM + text, "program.toml"))


def test_a_message_is_filled_with_what_the_rule_saw() -> None:
    told = messages(
        rule('en = "{measured} of {threshold} in {days} days ({hours} h, {minutes} min) until {until} {{!}}"')
    )
    assert told.text("eager", "", 11, UNTIL) == "11 of 10 in 7 days (168 h, 10080 min) until 2026-12-03 14:05 {!}"
    assert "eager" in told
    assert told
    assert not NO_MESSAGES


def test_money_is_written_with_the_decimals_of_its_currency() -> None:
    told = messages(rule('en = "{measured} above {threshold}"', measure="MONEY", threshold=5_000))
    assert told.text("eager", "en", 5_007, 0) == "50.07 above 50.00"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr-CA", "québécois"), ("FR-ca", "québécois"), ("fr-CA-x-shop", "québécois"), ("fr-BE", "français"),
        ("fr", "français"), ("de", "English"), ("", "English"), ("en-US", "English"), ("not a tag", "English"),
    ],
)  # fmt: skip
def test_a_language_falls_back_to_its_primary_one_and_then_to_the_program_s(language: str, text: str) -> None:
    told = messages(rule('en = "English", fr = "français", fr-CA = "québécois"'))
    assert told.text("eager", language, 1, 0) == text
    assert messages(FRENCH + rule('en = "English", fr = "français"')).text("eager", "de", 1, 0) == "français"


@pytest.mark.parametrize(("measured", "ends_at"), [(-1, UNTIL), (11, 0), (11, 253_370_764_800_000_000)])
def test_there_is_no_text_where_a_value_is_not_known(measured: int, ends_at: int) -> None:
    assert messages(rule('en = "{measured} until {until}"')).text("eager", "en", measured, ends_at) == ""
    assert messages(rule('en = "x"')).text("another", "en", 11, UNTIL) == ""


def test_two_configurations_say_the_same_if_their_messages_do() -> None:
    told = messages(rule('en = "{measured}"'))
    assert told.says_the_same(messages(rule('en = "{measured}"', posture="BLOCK")))
    assert not told.says_the_same(messages(rule('en = "{measured}!"')))
    assert not told.says_the_same(messages(rule('en = "{measured}"', measure="MONEY")))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (rule('en = "over {cont}"'), "fraud_rule[1].message.en: 1:6: unknown placeholder {cont}; expected one of"),
        (rule('en = "{treshold}"'), 'did you mean "threshold"?'),
        (rule('en = "a\\nbc } d"'), "fraud_rule[1].message.en: 2:4: `}` stands alone; write it twice"),
        (rule('en = " "'), "fraud_rule[1].message.en: must be a text of 1 to 500 bytes, but it has 1"),
        (rule(f'en = "{"x" * 501}"'), "fraud_rule[1].message.en: must be a text of 1 to 500 bytes, but it has 501"),
        (rule('en = 3'), "fraud_rule[1].message.en: must be a text in quotes"),
        (rule('fr = "x"'), 'fraud_rule[1].message: must have a text in the language of the program, "en"'),
        (rule('en = "x", "en_US" = "y"'), 'fraud_rule[1].message.en_US: is no BCP 47 language tag such as "fr-CA"'),
        (rule('en = "x", EN = "y"'), "fraud_rule[1].message.EN: is there twice"),
        (rule('en = "{days}"', window='calendar = "DAY"'), "{days} has no value here: the window is of the calendar"),
        (rule('en = "{days}"', window='rolling = "6h"'), "{days} has no value here: the window is not of whole days"),
        (rule('en = "{until}"', duration="0s"), "{until} has no value here: the rule's duration is 0"),
        (rule('en = "{until}"', posture="REVIEW"), "{until} has no value here: a case stands until it is resolved"),
        (
            ('[[fraud_rule]]\nname = "bare"\ncontext = "REDEMPTION"\nwhen = "order.points > 1"\nposture = "WARN"\n'
            'duration = "0s"\nmessage = { en = "{measured}" }\n'),
            "{measured} has no value here: the rule measures nothing",
        ),
        ('[program.fraud]\nlanguage = "English, please"\n', "program.fraud.language: must be a BCP 47 language tag"),
        ('[program.fraud]\nfail = { redemption = "SHUT" }\n', "program.fraud.fail.redemption: must be one of"),
        ("[program.fraud]\ndeadline_near_ms = 10_001\n", "program.fraud.deadline_near_ms: must be"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_message_is_told_with_its_rule_its_language_and_its_place(text: str, problem: str) -> None:
    with pytest.raises(ProgramConfigError) as refused:
        load_program_config(PROGRAM + text, "program.toml")
    assert problem in str(refused.value)
    assert len(refused.value.problems) == 1


def test_a_message_may_have_so_many_languages_and_no_more() -> None:
    tags = ", ".join(f'{first}{second} = "x"' for first in "abcdefghi" for second in "abcd")
    with pytest.raises(ProgramConfigError, match="must have at most 32 languages, but it has 37"):
        messages(rule(f'en = "x", {tags}'))


def test_languages_are_numbered_as_they_come() -> None:
    languages = Languages()
    assert [languages.number(tag) for tag in ("", "fr", "en-GB", "FR")] == [0, 1, 2, 1]
    assert [languages.tag(number) for number in range(3)] == ["", "fr", "en-gb"]
    assert [tag for tag in ("fr-CA", "x", "fr_CA", "é", "a" * 36) if languages.is_tag(tag)] == ["fr-CA"]


def test_a_flood_of_languages_is_not_kept_and_takes_none_away_in_which_there_are_texts() -> None:
    languages = Languages()
    languages.take(messages(rule('en = "x", fr = "y"')).languages)
    numbers = {languages.number(f"x-{each}") for each in range(3_000)}
    assert len(numbers) < 1_100
    assert languages.number("de") == 0

    def found(*tags: str) -> list[str]:
        return [languages.tag(languages.number(tag)) for tag in tags]

    assert found("fr-CA", "fr", "en-GB", "x-7") == ["fr", "fr", "en", "x-7"]
    languages.take({"fr-ca", "de"})
    assert found("fr-CA", "de-AT") == ["fr-ca", "de"]


def test_fallbacks_end_at_the_primary_language() -> None:
    assert fallbacks("zh-Hant-TW") == ("zh-hant-tw", "zh-hant", "zh")
