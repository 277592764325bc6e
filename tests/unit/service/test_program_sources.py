"""A program's files: what they hold, what they make, and which file a mistake is in."""

from pathlib import Path

import pytest

from pointguard_server.rules.problems import RuleSetError
from pointguard_server.rules.rule_set import load_rule_set
from pointguard_server.rules.texts import Texts
from pointguard_server.service.line_codes import line_codes
from pointguard_server.service.program_config import ProgramConfigError
from pointguard_server.service.program_sources import ProgramFiles, Store, StoresError, check_stores
from tests.support.server import EARN_RULES, PROGRAM, STORES, write_program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_program(tmp_path)
    return tmp_path


@pytest.fixture
def files(folder: Path) -> ProgramFiles:
    return ProgramFiles(folder / "program.toml", folder / "stores.csv")


def test_files_make_a_program(files: ProgramFiles) -> None:
    sources = files.check(files.read())
    assert (sources.configuration, sources.rule_set.source) == (PROGRAM, EARN_RULES)
    assert sources.stores == (Store("s1", "MAIN", "CA", "CA-ON"), Store("s2", "MAIN", "CA", "CA-QC"))


def test_what_is_read_differs_only_if_a_content_does(files: ProgramFiles, folder: Path) -> None:
    before = files.read()
    for name in ("program.toml", "earn.rules", "stores.csv"):
        (folder / name).write_bytes((folder / name).read_bytes())
        assert files.read() == before
    (folder / "stores.csv").write_text(STORES + "s3,MAIN,CA,\n")
    assert files.read() != before


def test_the_rules_that_were_named_last_are_watched_while_the_configuration_is_broken(
    files: ProgramFiles, folder: Path
) -> None:
    (folder / "program.toml").write_text(PROGRAM.replace("earn.rules", "other.rules"))
    (folder / "other.rules").write_text("other")
    assert files.read().earn_rules == b"other"
    (folder / "program.toml").write_text("[broken")
    assert files.read().earn_rules == b"other"


@pytest.mark.parametrize(
    ("name", "content", "error", "text"),
    [
        ("program.toml", b"[program]\n", ProgramConfigError, "program.toml has"),
        ("earn.rules", b"rule", RuleSetError, "earn.rules:1:"),
        ("stores.csv", b"store_id\n", StoresError, "stores.csv:1: must have the columns"),
        ("earn.rules", b"# \xff", ValueError, "earn.rules: must be UTF-8: invalid start byte at byte 2"),
        ("earn.rules", None, OSError, "earn.rules"),
        ("program.toml", None, OSError, "program.toml"),
    ],
)
def test_a_mistake_names_its_file(
    files: ProgramFiles, folder: Path, name: str, content: bytes | None, error: type[Exception], text: str
) -> None:
    path = folder / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(error) as raised:
        files.check(files.read())
    assert text in str(raised.value)


@pytest.mark.parametrize("line", ["s1,MAIN", ",MAIN,CA,CA-ON"])
def test_a_line_of_the_stores_that_lacks_something_is_named(line: str) -> None:
    with pytest.raises(StoresError, match=r"stores:4: \w+: is missing"):
        check_stores(STORES + line, "stores")


def test_texts_that_are_known_keep_their_numbers_when_the_rules_change() -> None:
    def rules(*skus: str) -> str:
        return "".join(f'rule "{sku}"\n    when any(lines, line.sku == "{sku}")\n    earn base 1\n' for sku in skus)

    first = line_codes(load_rule_set(rules("apple", "pear"), "first"))
    second = line_codes(load_rule_set(rules("fig", "pear"), "second"), first)
    fruit = ("apple", "pear", "fig", "plum")
    assert [first.number("sku", text) for text in fruit] == [1, 2, 0, 0]
    assert [second.number("sku", text) for text in fruit] == [1, 2, 3, 0]
    assert second.number("brand", "apple") == 0


def test_a_set_from_a_file_is_read_watched_and_kept_with_the_version(files: ProgramFiles, folder: Path) -> None:
    source = 'set partners from "partners.txt"\nrule "partner" when store.id in partners earn base 1\n'
    (folder / "earn.rules").write_text(source)
    (folder / "partners.txt").write_text("# ours\n401\n402\n")
    texts = files.read()
    sources = files.check(texts)
    assert sources.rule_set.files == {"partners.txt": Texts.of(("401", "402"))}
    assert sources.rule_set.source == source
    (folder / "partners.txt").write_text("401\n")
    changed = files.read()
    assert changed != texts
    assert files.check(changed).rule_set.digest != sources.rule_set.digest


def test_a_set_whose_file_is_missing_is_refused_by_its_place(files: ProgramFiles, folder: Path) -> None:
    (folder / "earn.rules").write_text('set s from "none.txt"\nrule "a" when store.id in s earn base 1\n')
    with pytest.raises(RuleSetError, match=r"earn\.rules:1:12: the file of the set cannot be read"):
        files.check(files.read())


def test_rules_that_ask_for_what_there_is_not_are_refused(files: ProgramFiles, folder: Path) -> None:
    (folder / "earn.rules").write_text('rule "a" when member.age_band == "18-25" earn base 1\n')
    with pytest.raises(RuleSetError, match="unknown age band `18-25`"):
        files.check(files.read())


def test_money_in_another_currency_than_the_programs_is_refused(files: ProgramFiles, folder: Path) -> None:
    (folder / "earn.rules").write_text('rule "a" when order.total > 5 XAU earn base 1\n')
    with pytest.raises(RuleSetError, match="money in XAU cannot be used here"):
        files.check(files.read())
