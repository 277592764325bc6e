"""The hot back end: writes a checked rule set as a module in LLVM's language. For ``compiler`` and tests.

The module has functions for each rule and ``let``, which ``native_functions`` writes, and ``pointguard_earn`` over
them; ``native_arithmetic.ll`` is the arithmetic. Its names and numbers are of our own making; ``checked`` holds nothing
else to write. No function allocates; ``work_layout`` says what is where in ``work``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pointguard_server.rules.checked import NOT_COMPUTED, CheckedCap, CheckedRuleSet, Turn
from pointguard_server.rules.native_code import SYMBOL
from pointguard_server.rules.native_functions import INPUTS, PARAMETERS, RESULT, FunctionWriter
from pointguard_server.rules.native_text import WORD, NativeText
from pointguard_server.rules.value_types import Limit
from pointguard_server.rules.work_layout import WorkLayout, layout_of, reads_base_points

_ARITHMETIC: Final = Path(__file__).with_name("native_arithmetic.ll")


def write_module(rules: CheckedRuleSet) -> str:
    """The text of a module that decides what the other back ends decide."""
    functions = [FunctionWriter(rules).let(number) for number in range(len(rules.lets))]
    for number, rule in enumerate(rules.rules):
        if rule.exclusive:
            functions.append(FunctionWriter(rules).condition(number))
        functions.append(FunctionWriter(rules).rule(number))
    begin = "; Earn rules as LLVM reads them. Written by pointguard; edits are lost.\n"
    return "\n".join((begin, _ARITHMETIC.read_text(encoding="utf-8"), *functions, _EarnWriter(rules).text()))


class _EarnWriter(NativeText):
    """Writes ``earn``: exclusive rules, then base awards, then the others; each turn ends with its groups' best."""

    def __init__(self, rules: CheckedRuleSet) -> None:
        super().__init__()
        self._rules = rules
        self._layout: WorkLayout = layout_of(rules)
        self._failed = self.label()
        self._status = self.variable(WORD)
        self._points = self.variable(WORD)

    def text(self) -> str:
        """The whole function."""
        for number, let in enumerate(self._rules.lets):
            if not let.per_line:
                self._set(self._layout.known + number, 0)
        self._exclude()
        base, others = self._rules.turns
        self._turn(base)
        if reads_base_points(self._rules):
            total = "0"
            for number in base.rules:
                total = self.named(f"add i64 {total}, {self.word('%work', number)}")
            self._set(self._layout.base_points, total)
        self._turn(others)
        self.write("ret i64 0")
        self.begin(self._failed)
        # No award is left standing when one could not be decided.
        for index in range(2 * len(self._rules.rules)):
            self._set(index, 0)
        self.write(f"ret i64 {self.kept(WORD, self._status)}")
        return self.function(f"i64 @{SYMBOL}({PARAMETERS})")

    def _set(self, index: int, value: int | str) -> None:
        self.keep(WORD, str(value), self.place("%work", index))

    def _call(self, function: str) -> tuple[str, str]:
        """The status and the value that a function gives."""
        result = self.call(RESULT, function, INPUTS)
        return self.named(f"extractvalue {RESULT} {result}, 0"), self.named(f"extractvalue {RESULT} {result}, 1")

    def _value_of(self, function: str) -> str:
        """The value that a function gives; whatever it fails with is the status of all."""
        status, value = self._call(function)
        self.keep(WORD, status, self._status)
        computed = self.label()
        self.branch(self.compare("eq", status, 0), computed, self._failed)
        self.begin(computed)
        return value

    def _exclude(self) -> None:
        exclusive = self._rules.exclusive_order
        if not exclusive:
            return
        self._least = self.variable(WORD)
        self._held = {number: self.variable(WORD) for number in exclusive}
        self.keep(WORD, "0", self._least)
        for number in exclusive:
            priority = self._rules.rules[number].priority
            self.keep(WORD, "0", self._held[number])
            with self.when(self.compare("sle", self.kept(WORD, self._least), priority)):
                held = self._value_of(f"holds_{number}")
                self.keep(WORD, held, self._held[number])
                with self.when(self.compare("ne", held, 0)):
                    self.keep(WORD, str(priority), self._least)

    def _turn(self, turn: Turn) -> None:
        for number in turn.rules:
            self._rule(number)
        for members in turn.groups:
            self._choose_best(members)

    def _rule(self, number: int) -> None:
        rule = self._rules.rules[number]
        self._set(number, 0)
        self._set(self._layout.limits + number, 0)
        if not self._rules.exclusive_order:
            self._award(number)
            return
        excluded = self.compare("sgt", self.kept(WORD, self._least), rule.priority)
        with self.when(excluded):
            self._set(self._layout.limits + number, Limit.EXCLUDED.value)
        with self.when(excluded, holds=False):
            if rule.exclusive:
                with self.when(self.compare("ne", self.kept(WORD, self._held[number]), 0)):
                    self._award(number)
            else:
                self._award(number)

    def _award(self, number: int) -> None:
        if self._rules.independent:
            status, value = self._call(f"rule_{number}")
            failed = self.compare("ne", status, 0)
            self._set(number, self.named(f"select i1 {failed}, i64 {NOT_COMPUTED}, i64 {value}"))
            return
        self.keep(WORD, self._value_of(f"rule_{number}"), self._points)
        for cap in self._rules.rules[number].caps:
            self._cap(number, cap)
        self._set(number, self.kept(WORD, self._points))

    def _cap(self, number: int, cap: CheckedCap) -> None:
        rest = str(cap.points)
        if cap.earned is not None:
            # Less than nothing was never earned, and the difference could overflow.
            earned = self._limited("smin", self.word("%facts", cap.earned), rest)
            rest = self.named(f"sub i64 {rest}, {self._limited('smax', earned, '0')}")
        with self.when(self.compare("sgt", self.kept(WORD, self._points), rest)):
            self.keep(WORD, rest, self._points)
            self._set(self._layout.limits + number, cap.period.limit.value)

    def _limited(self, which: str, value: str, limit: str) -> str:
        return self.call(WORD, f"llvm.{which}.i64", [(WORD, value), (WORD, limit)])

    def _choose_best(self, members: Sequence[int]) -> None:
        best = self.variable(WORD)
        self.keep(WORD, str(members[0]), best)
        for number in members[1:]:
            most = self.word("%work", self.kept(WORD, best))
            with self.when(self.compare("sgt", self.word("%work", number), most)):
                self.keep(WORD, str(number), best)
        for number in members:
            other = self.compare("ne", self.kept(WORD, best), number)
            gives = self.compare("sgt", self.word("%work", number), 0)
            with self.when(self.named(f"and i1 {other}, {gives}")):
                self._set(number, 0)
                self._set(self._layout.limits + number, Limit.BETTER_IN_GROUP.value)
