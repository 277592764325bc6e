"""Sets from files, and the tables that sets become."""

import pytest

from pointguard_server.rules.constants import constants_of, first_slot, hash_table
from pointguard_server.rules.rule_set import RuleSetError, load_rule_set
from pointguard_server.rules.set_files import MOST_ENTRIES, SetFileError, read_entries


def test_a_file_holds_one_text_a_line() -> None:
    assert tuple(read_entries("# stores\n401\n  402 \r\n\n401\n")) == ("401", "402")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "there is no entry"), ("a\n" + "x" * 129, "line 2"), ("a\x00b", "line 1"), ("# only\n", "there is no entry")],
)
def test_a_file_that_cannot_be_used_is_refused_by_its_line(text: str, message: str) -> None:
    with pytest.raises(SetFileError, match=message):
        read_entries(text)


def test_there_is_a_most_number_of_entries() -> None:
    many = "".join(f"{number}\n" for number in range(MOST_ENTRIES))
    assert len(read_entries(many)) == MOST_ENTRIES
    with pytest.raises(SetFileError, match="one entry more"):
        read_entries(many + "another\n")


def test_what_the_host_says_of_a_file_is_told() -> None:
    def read(_name: str) -> str:
        raise OSError("it is a folder")

    with pytest.raises(RuleSetError, match=r"weekly:1:14: the file of the set .* it is a folder"):
        load_rule_set('set s from   "a.txt" rule "r" earn base 1', "weekly", read_set=read)
    with pytest.raises(RuleSetError, match="cannot be read from there"):
        load_rule_set('set s from "a.txt" rule "r" earn base 1', "weekly")


def test_the_digest_covers_what_the_file_holds() -> None:
    source = 'set s from "a.txt" rule "r" when store.id in s earn base 1'
    texts = ("A", "A\nB", "#\nA")
    digests = {load_rule_set(source, "x", read_set={"a.txt": text}.__getitem__).digest for text in texts}
    assert len(digests) == 2
    inline = load_rule_set('set s = ("A") rule "r" when store.id in s earn base 1', "x")
    assert inline.digest in digests


def test_a_table_holds_its_members_and_nothing_that_cannot_occur() -> None:
    ids = [3 * number for number in range(1, 101)] + [-1]
    table = hash_table(ids, 256)
    assert sorted(filter(None, table)) == ids[:-1]
    assert table[first_slot(3, 256)] == 3


def test_one_set_in_two_vocabularies_is_two_tables() -> None:
    listed = ", ".join(f'"{number}"' for number in range(20))
    source = f'set s = ({listed}) rule "r" when store.id in s and order.tender in s and store.id not in s earn base 1'
    rule_set = load_rule_set(source, "tables")
    assert [(table.start, table.size) for table in rule_set.checked.tables] == [(0, 64), (64, 64)]
    numbers = {literal: index + 1 for index, literal in enumerate(rule_set.literals)}
    constants = constants_of(rule_set.checked, lambda domain, text: numbers[domain, text])
    assert sorted(filter(None, constants)) == list(range(1, 41))
    assert len(constants) == rule_set.checked.constant_count == 128
