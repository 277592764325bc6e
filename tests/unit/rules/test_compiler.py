"""Compiling in a child process and loading: what is kept, what is refused, what a torn file does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from pointguard_server.rules import code_cache, compiler, compiling, native_code
from pointguard_server.rules.code_cache import CacheDirectoryRefused, CodeCache, usable_directory
from pointguard_server.rules.compiler import CompilationFailed, NotCompiled, compile_in_child, load_compiled
from pointguard_server.rules.compiling import key_of
from pointguard_server.rules.fields import FACT_FIELD_COUNT, FIELDS, LINE_FIELD_COUNT
from pointguard_server.rules.fixed_point import SCALE, Status
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.native_call import call_earn
from pointguard_server.rules.outcome import outcome_of
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.rules.value_types import Limit, Part

SOURCE = """
rule "base"  when order.channel in ("WEB", "POS") earn base sum(lines, line.amount / order.line_count)
rule "bonus" when any(lines, line.category == "PRODUCE") earn bonus 50.5 round half_even
"""


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return load_rule_set(SOURCE, "test")


@pytest.fixture(scope="module")
def compiled_directory(rule_set: RuleSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the rule set; compiled once, since it takes a moment."""
    directory = tmp_path_factory.mktemp("cache") / "rules"
    compile_in_child(rule_set, directory)
    return directory


@pytest.fixture
def copied_directory(compiled_directory: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    directory = tmp_path / "rules"
    directory.mkdir(mode=0o700)
    for path in compiled_directory.iterdir():
        (directory / path.name).write_bytes(path.read_bytes())
        (directory / path.name).chmod(0o600)
    return directory


def object_in(directory: Path) -> Path:
    (path,) = directory.glob("*.object")
    return path


def inputs(line_count: int = 2) -> tuple[native_code.Int64Array, native_code.Int64Array, native_code.Int64Array]:
    facts = np.zeros(FACT_FIELD_COUNT, dtype=np.int64)
    facts[FIELDS["order.channel"].index] = 2
    facts[FIELDS["order.line_count"].index] = line_count * SCALE
    lines = np.zeros((2, LINE_FIELD_COUNT), dtype=np.int64)
    lines[:, FIELDS["line.category"].index] = 3
    lines[:, FIELDS["line.amount"].index] = 21 * SCALE
    return facts, lines, np.array([1, 2, 3], dtype=np.int64)


def test_what_is_given_is_told_rule_by_rule(rule_set: RuleSet, compiled_directory: Path) -> None:
    _, points, limits = load_compiled(rule_set, compiled_directory).call(*inputs())
    awards = outcome_of(rule_set.checked, Status.OK, points.tolist(), limits.tolist()).awards
    assert [(award.part, award.points, award.limit) for award in awards] == [
        (Part.BASE, 21, Limit.NONE),
        (Part.BONUS, 50, Limit.NONE),
    ]


def test_what_the_child_compiled_is_loaded_and_decides(rule_set: RuleSet, compiled_directory: Path) -> None:
    compiled = load_compiled(rule_set, compiled_directory)
    status, awards, _ = compiled.call(*inputs())
    assert (status, awards.tolist()) == (Status.OK, [21, 50])


def test_a_failure_leaves_no_award(rule_set: RuleSet, compiled_directory: Path) -> None:
    compiled = load_compiled(rule_set, compiled_directory)
    status, awards, _ = compiled.call(*inputs(line_count=0))
    assert (status, awards.tolist()) == (Status.DIVISION_BY_ZERO, [0, 0])


@njit
def awards_of_second_row(address, facts, lines, constants, work):  # type: ignore[no-untyped-def]
    return call_earn(address, facts[1], lines, len(lines), constants, work[1])


def test_another_kernel_calls_the_rules_by_address(rule_set: RuleSet, compiled_directory: Path) -> None:
    compiled = load_compiled(rule_set, compiled_directory)
    facts, lines, constants = inputs()
    work = np.full((2, compiled.work_size), 7, dtype=np.int64)
    status = awards_of_second_row(compiled.address, np.stack([facts * 0, facts]), lines, constants, work)
    assert status == Status.OK
    assert work[:, :2].tolist() == [[7, 7], [21, 50]]


def test_arrays_of_another_shape_are_refused(rule_set: RuleSet, compiled_directory: Path) -> None:
    compiled = load_compiled(rule_set, compiled_directory)
    facts, lines, constants = inputs()
    for wrong in ((facts[1:], lines, constants), (facts, lines[:, 1:], constants), (facts, lines, constants[1:])):
        with pytest.raises(ValueError, match="must be int64 of shape"):
            compiled.call(*wrong)
    with pytest.raises(ValueError, match="facts"):
        compiled.call(facts.astype(np.float64), lines, constants)


def test_nothing_is_compiled_where_nobody_asked(rule_set: RuleSet, tmp_path: Path) -> None:
    with pytest.raises(NotCompiled, match="test is not compiled yet"):
        load_compiled(rule_set, tmp_path / "empty")


@pytest.mark.parametrize("spoil", ["truncate", "empty", "flip"])
def test_a_torn_file_counts_as_absent_and_is_made_again(spoil: str, rule_set: RuleSet, copied_directory: Path) -> None:
    path = object_in(copied_directory)
    whole = path.read_bytes()
    middle = len(whole) // 2
    torn = {
        "truncate": whole[:middle],
        "empty": b"",
        "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    }
    path.write_bytes(torn[spoil])
    with pytest.raises(NotCompiled):
        load_compiled(rule_set, copied_directory)
    if spoil == "flip":
        compile_in_child(rule_set, copied_directory)
        assert load_compiled(rule_set, copied_directory).call(*inputs())[0] is Status.OK


def test_what_is_whole_is_not_compiled_again(
    rule_set: RuleSet, compiled_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "_run_child", lambda *_: pytest.fail("a child was started"))
    compile_in_child(rule_set, compiled_directory)


def test_layout_and_names_share_one_entry(compiled_directory: Path) -> None:
    other = load_rule_set("# new\n" + SOURCE.replace('"base"', '"other"'), "other")
    assert len(load_compiled(other, compiled_directory).rules.rules) == 2


def test_another_meaning_is_another_entry(compiled_directory: Path) -> None:
    with pytest.raises(NotCompiled):
        load_compiled(load_rule_set(SOURCE.replace("50.5", "51"), "other"), compiled_directory)


def test_the_key_covers_versions_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {key_of("source"), key_of("other source"), key_of("source", Isolation.WASM)}
    monkeypatch.setattr(compiling, "_PIPELINE_VERSION", 0)
    keys.add(key_of("source"))
    monkeypatch.setattr(compiling, "version", lambda package: "0")
    keys.add(key_of("source"))
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "another")
    keys.add(key_of("source"))
    assert len(keys) == 6


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_may_write_is_refused(mode: int, rule_set: RuleSet, copied_directory: Path) -> None:
    copied_directory.chmod(mode)
    with pytest.raises(CacheDirectoryRefused, match="writable by others"):
        load_compiled(rule_set, copied_directory)
    with pytest.raises(CacheDirectoryRefused, match="writable by others"):
        compile_in_child(rule_set, copied_directory)


def test_a_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(CacheDirectoryRefused, match="another user"):
        CodeCache(tmp_path)


def test_a_link_to_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(CacheDirectoryRefused, match="not a directory"):
        CodeCache(tmp_path / "link")


def test_a_file_that_others_may_write_is_not_loaded(rule_set: RuleSet, copied_directory: Path) -> None:
    object_in(copied_directory).chmod(0o666)
    with pytest.raises(NotCompiled):
        load_compiled(rule_set, copied_directory)


def test_the_cache_is_made_for_its_owner_alone(compiled_directory: Path) -> None:
    assert compiled_directory.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in compiled_directory.iterdir())
    assert not list(compiled_directory.glob(".writing-*"))


def test_a_child_that_takes_too_long_is_ended(rule_set: RuleSet, tmp_path: Path) -> None:
    with pytest.raises(CompilationFailed, match="took more than"):
        compile_in_child(rule_set, tmp_path / "rules", seconds_at_most=0.05)


def test_a_child_that_fails_says_why(rule_set: RuleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "key_of", lambda *_: "0" * 64)
    with pytest.raises(CompilationFailed, match="not the one that was asked for"):
        compile_in_child(rule_set, tmp_path / "rules")


def test_the_written_module_holds_nothing_that_the_user_wrote(compiled_directory: Path) -> None:
    (module,) = compiled_directory.glob("*.ll")
    source = module.read_text()
    assert not [word for word in ("WEB", "POS", "PRODUCE", "bonus", '"base"') if word in source]


def test_a_compiler_that_nobody_can_wait_for_may_be_killed(tmp_path: Path) -> None:
    rule_set = load_rule_set('rule "killed"\n    earn base order.total * 3\n', "killed")
    with pytest.raises(CompilationFailed, match="failed"):
        compile_in_child(rule_set, tmp_path / "rules", on_start=lambda child: child.kill())


def test_two_processes_that_compile_the_same_at_once_leave_one_whole_entry(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from pointguard_server.rules.compiler import compile_in_child, load_compiled\n"
        "from pointguard_server.rules.rule_set import load_rule_set\n"
        "rules = load_rule_set('rule \x22shared\x22 earn base 41', 'shared')\n"
        "sys.stdin.readline()\n"
        "compile_in_child(rules, Path(sys.argv[1]))\n"
        "print(load_compiled(rules, Path(sys.argv[1])).address > 0)\n"
    )
    directory = tmp_path / "rules"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=100)[0] for process in processes]
    assert said == ["True\n", "True\n"]
    assert sorted(path.suffix for path in directory.iterdir()) == [".ll", ".object"]


def test_the_least_recently_used_entries_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_cache, "ENTRIES_MAX", 2)
    cache = CodeCache(tmp_path / "rules")
    for age, key in enumerate(("c", "b", "a")):
        cache.write_module(key, key, ".ll")
        cache.write_object(key, key.encode())
        os.utime(cache.object_path(key), (age, age))
    assert not cache.module_path("c", ".ll").exists()
    stray, fresh = tmp_path / "rules" / ".writing-old", tmp_path / "rules" / ".writing-new"
    for path in (stray, fresh):
        path.touch()
    os.utime(stray, (1, 1))
    assert cache.read_object("b") == b"b", "used now"
    cache.write_object("d", b"d")
    assert [cache.read_object(key) for key in "abcd"] == [None, b"b", None, b"d"]
    assert not stray.exists()
    assert fresh.exists()


def test_a_directory_that_cannot_be_used_is_said_and_another_one_taken(tmp_path: Path) -> None:
    good = tmp_path / "good"
    assert usable_directory(good) == (good, "")
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for bad, why in (("file", "File exists"), ("file/below", "Not a directory"), ("open", "writable by others")):
        taken, said = usable_directory(tmp_path / bad)
        assert why in said
        assert taken.stat().st_mode & 0o777 == 0o700
        taken.rmdir()
