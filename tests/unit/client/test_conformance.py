"""The conformance kit's tables: what is wrong with one is told with its line; what all of them say is understood."""

import asyncio
from pathlib import Path

import pytest

from pointguard_client.conformance.expectations import COLUMNS
from pointguard_client.conformance.performance import Part
from pointguard_client.conformance.phrases import PHRASES, understand
from pointguard_client.conformance.power_cuts import PowerCuts
from pointguard_client.conformance.run import load_parts, skipped
from pointguard_client.conformance.tables import ScenarioError, read_scenario

HEAD = "# A title\n\nWhat it is about.\n\n| member | has |\n| --- | --- |\n| anna | 1,000 |\n\n"
STEPS = "| step | who | does | answer |\n| --- | --- | --- | --- |\n"


def part(text: str) -> Part:
    return Part.of(read_scenario(Path("topic/name.md"), text, frozenset(COLUMNS)))


def test_a_scenario_is_a_title_some_words_and_tables() -> None:
    found = part(HEAD + STEPS + "| hold | anna | authorises 200 | APPROVED |\n| | anna | hold again | same |\n")
    scenario = found.scenario
    assert (scenario.name, scenario.title, scenario.about) == ("topic/name", "A title", "What it is about.")
    assert [(member.name, member.has) for member in scenario.members] == [("anna", 1000)]
    assert [(step.line, step.name, step.does) for step in scenario.steps] == [
        (11, "hold", "authorises 200"),
        (12, "", "hold again"),
    ]
    assert [said.rpc for said in found.said] == ["AuthoriseRedemption", "again"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no title\n", ":1: must begin with a title"),
        ("# T\n\n| member |\n| --- |\n| anna |\n", ":2: must say in words what it is about"),
        ("# T\n\nWords.\n", ": has no table of steps"),
        (HEAD + "| step | does |\n| hold | x |\n", ":9: a table has a heading, a line of dashes, and rows"),
        (HEAD + STEPS + "| | anna | redeems 1 |\n", ":11: has 3 cells, but the heading has 4"),
        (HEAD + "| does | colour |\n| --- | --- |\n| x | y |\n", ":9: unknown column 'colour'"),
        (HEAD + STEPS + "| | ben | redeems 1 | |\n", ":11: 'ben' is in no table of members"),
        (HEAD + STEPS + "| | anna | dances | |\n", ":11: 'dances' is nothing that a step can do"),
        (HEAD + STEPS + "| | anna | redeems 1, loudly | |\n", ":11: 'loudly' does not go with this"),
        (HEAD + STEPS + "| | | redeems 1 | |\n", ":11: 'redeems 1' does not say who"),
        (HEAD + STEPS + "| | anna | captures hold | |\n", ":11: there is no step 'hold' before it"),
        (HEAD + STEPS + "| a | anna | redeems 1 | |\n| a | anna | redeems 1 | |\n", ":12: there are two steps 'a'"),
        (HEAD + "| who | does | wire |\n| --- | --- | --- |\n| anna | redeems 1 | cut |\n", ":11: unknown in the col"),
        (
            HEAD + "| who | does | wire |\n| --- | --- | --- |\n| anna | asks for advice | one batch |\n",
            ":11: CheckAdvice does not go in one batch",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        part(text)
    assert told in str(caught.value)
    assert str(caught.value).startswith("topic/name.md:")


def test_there_are_enough_scenarios_and_each_has_a_title_of_its_own() -> None:
    parts = load_parts()
    assert len(parts) >= 150
    assert len({each.scenario.title for each in parts}) == len(parts)


def test_every_phrase_and_every_column_is_used_by_some_scenario() -> None:
    parts = load_parts()
    assert {said.phrase.pattern for each in parts for said in each.said} == {phrase.pattern for phrase in PHRASES}
    assert {column for each in parts for step in each.scenario.steps for column in step.expected} == set(COLUMNS)


def test_what_is_the_same_has_a_first_answer_and_what_arrives_was_held_back() -> None:
    for each in load_parts():
        held = {step.name for step in each.scenario.steps if step.wire == "held back"}
        for step, said in zip(each.scenario.steps, each.said, strict=True):
            if said.rpc == "arrives":
                assert said.step in held, f"{each.scenario.name}:{step.line}"
            if step.answer == "same":
                assert said.step, f"{each.scenario.name}:{step.line}"


def test_what_the_api_key_may_not_do_is_skipped() -> None:
    (credit,) = load_parts(only=["agents/credit-again"])
    assert skipped(credit, frozenset({"till"}), None) == "the API key has not the role agent"
    assert not skipped(credit, frozenset({"till", "agent"}), None)


def test_a_phrase_is_understood_with_its_qualifiers() -> None:
    said = understand("redeems 1 200, at K-ON, or less, verified by PIN", ("anna",))
    assert said.rpc == "AuthoriseRedemption"
    assert said.parts["points"] == "1 200"
    assert said.qualifiers == {"at": "K-ON", "or less": "or less", "verified by": "PIN"}


async def test_the_power_is_cut_once_for_all_who_wait_for_it() -> None:
    cuts: list[int] = []

    async def restart() -> None:
        cuts.append(len(cuts))

    meeting = PowerCuts(3, restart)
    waiting = [asyncio.create_task(meeting.cut()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not cuts
    await meeting.leave()  # the third one failed on its way
    await asyncio.gather(*waiting)
    assert cuts == [0]


async def test_who_waits_for_a_restart_that_fails_is_told() -> None:
    async def restart() -> None:
        raise OSError("no power")

    meeting = PowerCuts(2, restart)
    first = asyncio.create_task(meeting.cut())
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="no power"):
        await meeting.cut()
    with pytest.raises(OSError, match="no power"):
        await first
