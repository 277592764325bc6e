"""The isolated back end: writes a checked rule set as the text of a WebAssembly module. For ``compiler`` and tests.

The module imports nothing and exports its memory (``wasm_layout``) and ``earn``, which takes the number of lines and
gives the status. It has functions for each rule and ``let``; ``wasm_functions`` writes those, ``wasm_arithmetic.wat``
is the arithmetic. Its names and numbers are of our own making; ``checked`` holds nothing else to write.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pointguard_server.rules.checked import NOT_COMPUTED, CheckedCap, CheckedRuleSet, Turn
from pointguard_server.rules.value_types import Limit
from pointguard_server.rules.wasm_functions import FAILED, FunctionWriter
from pointguard_server.rules.wasm_layout import WORD, MemoryLayout, memory_layout_of
from pointguard_server.rules.wasm_text import WasmText
from pointguard_server.rules.work_layout import WorkLayout, layout_of, reads_base_points

_ARITHMETIC: Final = Path(__file__).with_name("wasm_arithmetic.wat")


def write_module(rules: CheckedRuleSet) -> str:
    """The text of a module that decides what the other back ends decide."""
    memory = memory_layout_of(rules)
    functions = [FunctionWriter(rules).let(number) for number in range(len(rules.lets))]
    for number, rule in enumerate(rules.rules):
        if rule.exclusive:
            functions.append(FunctionWriter(rules).condition(number))
        functions.append(FunctionWriter(rules).rule(number))
    return "\n".join(
        (
            ";; Earn rules as WebAssembly. Written by pointguard; edits are lost.",
            "(module",
            f'(memory (export "memory") {memory.pages} {memory.pages})',
            "(global $status (mut i32) (i32.const 0))",
            "(global $line_count (mut i64) (i64.const 0))",
            _ARITHMETIC.read_text(encoding="utf-8"),
            *functions,
            _EarnWriter(rules, memory).text(),
            ")",
            "",
        )
    )


class _EarnWriter(WasmText):
    """Writes ``earn``: exclusive rules, then base awards, then the others; each turn ends with its groups' best."""

    def __init__(self, rules: CheckedRuleSet, memory: MemoryLayout) -> None:
        super().__init__()
        self._rules = rules
        self._memory = memory
        self._work: WorkLayout = layout_of(rules)
        self._points = self.new("i64")

    def text(self) -> str:
        """The whole function."""
        self.write("local.get $given_lines", "global.set $line_count", "i32.const 0", "global.set $status")
        for number, let in enumerate(self._rules.lets):
            if not let.per_line:
                self._set(self._work.known + number, 0)
        with self.block(f"block {FAILED}"):
            self._decide()
            self.write("i64.const 0", "return")
        # No award is left standing when one could not be decided.
        for index in range(2 * len(self._rules.rules)):
            self._set(index, 0)
        self.write("global.get $status", "i64.extend_i32_u")
        return self.function('$earn (export "earn") (param $given_lines i64) (result i64)')

    def _decide(self) -> None:
        self._exclude()
        base, others = self._rules.turns
        self._turn(base)
        if reads_base_points(self._rules):
            self.write("i32.const 0", "i64.const 0")
            for number in base.rules:
                self._load(number)
                self.write("i64.add")
            self.write(f"i64.store offset={self._place(self._work.base_points)}")
        self._turn(others)

    def _place(self, index: int) -> int:
        return self._memory.work + index * WORD

    def _load(self, index: int) -> None:
        self.write("i32.const 0", f"i64.load offset={self._place(index)}")

    def _set(self, index: int, value: int) -> None:
        self.write("i32.const 0", f"i64.const {value}", f"i64.store offset={self._place(index)}")

    def _call(self, function: str) -> None:
        self.write(f"call {function}", "global.get $status", f"br_if {FAILED}")

    def _exclude(self) -> None:
        exclusive = self._rules.exclusive_order
        if not exclusive:
            return
        self._least = self.new("i64")
        self._held = {number: self.new("i32") for number in exclusive}
        for number in exclusive:
            priority = self._rules.rules[number].priority
            self.write(f"local.get {self._least}", f"i64.const {priority}", "i64.le_s")
            with self.block("if"):
                self._call(f"$holds_{number}")
                self.write(f"local.tee {self._held[number]}")
                with self.block("if"):
                    self.write(f"i64.const {priority}", f"local.set {self._least}")

    def _turn(self, turn: Turn) -> None:
        for number in turn.rules:
            self._rule(number)
        for members in turn.groups:
            self._choose_best(members)

    def _rule(self, number: int) -> None:
        rule = self._rules.rules[number]
        self._set(number, 0)
        self._set(self._work.limits + number, 0)
        if not self._rules.exclusive_order:
            self._award(number)
            return
        self.write(f"local.get {self._least}", f"i64.const {rule.priority}", "i64.gt_s")
        with self.block("if"):
            self._set(self._work.limits + number, Limit.EXCLUDED.value)
            self.write("else")
            if rule.exclusive:
                self.write(f"local.get {self._held[number]}")
                with self.block("if"):
                    self._award(number)
            else:
                self._award(number)

    def _award(self, number: int) -> None:
        if self._rules.independent:
            self.write(f"call $rule_{number}", f"local.set {self._points}", "global.get $status")
            with self.block("if"):
                self.write(f"i64.const {NOT_COMPUTED}", f"local.set {self._points}")
                self.write("i32.const 0", "global.set $status")
        else:
            self._call(f"$rule_{number}")
            self.write(f"local.set {self._points}")
        for cap in self._rules.rules[number].caps:
            self._cap(number, cap)
        self.write("i32.const 0", f"local.get {self._points}", f"i64.store offset={self._place(number)}")

    def _cap(self, number: int, cap: CheckedCap) -> None:
        self.write(f"i64.const {cap.points}")
        rest = self.keep("i64")
        if cap.earned is not None:
            self.write("i32.const 0", f"i64.load offset={self._memory.facts + cap.earned * WORD}")
            earned = self.keep("i64")
            # Less than nothing was never earned, and the difference could overflow.
            self._least_or_greatest(earned, rest, "i64.lt_s")
            self.write(f"local.set {earned}", "i64.const 0")
            nothing = self.keep("i64")
            self.write(f"local.get {rest}")
            self._least_or_greatest(earned, nothing, "i64.gt_s")
            self.write("i64.sub", f"local.set {rest}")
        self.write(f"local.get {self._points}", f"local.get {rest}", "i64.gt_s")
        with self.block("if"):
            self.write(f"local.get {rest}", f"local.set {self._points}")
            self._set(self._work.limits + number, cap.period.limit.value)

    def _least_or_greatest(self, left: str, right: str, order: str) -> None:
        self.write(f"local.get {left}", f"local.get {right}")
        self.write(f"local.get {left}", f"local.get {right}", order, "select")

    def _choose_best(self, members: Sequence[int]) -> None:
        self._load(members[0])
        most = self.keep("i64")
        self.write(f"i64.const {members[0]}")
        best = self.keep("i64")
        for number in members[1:]:
            self._load(number)
            self.write(f"local.get {most}", "i64.gt_s")
            with self.block("if"):
                self._load(number)
                self.write(f"local.set {most}", f"i64.const {number}", f"local.set {best}")
        for number in members:
            self.write(f"local.get {best}", f"i64.const {number}", "i64.ne")
            self._load(number)
            self.write("i64.const 0", "i64.gt_s", "i32.and")
            with self.block("if"):
                self._set(number, 0)
                self._set(self._work.limits + number, Limit.BETTER_IN_GROUP.value)
