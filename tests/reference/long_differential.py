"""``make differential``: the comparison of the back ends for as long as it takes to see a hundred thousand cases.

A case is one program with one set of inputs, run by the interpreter, by machine code and by WebAssembly. Prints what
disagrees and ends with status 1 then; the seed of a program makes it again.
"""

import argparse
import sys
import time
from random import Random

from rich.console import Console

from tests.support.rule_backends import compiled_of, interpreted, isolated_of, run_compiled, run_isolated
from tests.support.rule_programs import random_inputs, random_rule_set


def main() -> int:
    """Run until so many cases agreed, or one did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--cases-a-program", type=int, default=250)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first program")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    cases, statuses, seed = 0, [0, 0, 0], given.seed
    while cases < given.cases:
        rule_set = random_rule_set(Random(seed), rules=6)
        compiled, isolated = compiled_of(rule_set), isolated_of(rule_set)
        generator = Random(seed)
        for _ in range(given.cases_a_program):
            inputs = random_inputs(rule_set, generator)
            expected = interpreted(rule_set, inputs)
            found = {"machine code": run_compiled(compiled, inputs), "WebAssembly": run_isolated(isolated, inputs)}
            if any(result != expected for result in found.values()):
                console.print(f"seed {seed}\n{rule_set.source}\n{inputs}\ninterpreter {expected}\n{found}")
                return 1
            statuses[expected[0]] += 1
        cases += given.cases_a_program
        seed += 1
        if (seed - given.seed) % 20 == 0:
            console.print(f"{cases:,} cases, {seed - given.seed:,} programs, by status {statuses}")
    console.print(
        f"{cases:,} cases of {seed - given.seed:,} programs from seed {given.seed} agree, by status {statuses}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
