"""The process that checks rule sets, so that no source can hold the server up or take its memory. See checking_worker.

Run as a program (``python -m pointguard_server.service.checking_process BYTES``), it reads orders from its standard
input and writes an answer to each until the input ends. BYTES is all the memory that it may have.
"""

import os
import resource
import signal
import sys
from typing import BinaryIO, Final

from pointguard_server.rules.conditions import ConditionsError
from pointguard_server.rules.formatter import format_source
from pointguard_server.rules.problems import RuleSetError
from pointguard_server.service.checking_messages import (
    LENGTH_BYTES,
    OUT_OF_MEMORY,
    Answer,
    Order,
    decode_order,
    encode,
)
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.program_config import ProgramConfigError, load_program_config
from pointguard_server.service.rule_checking import check_here

_LOWER_PRIORITY: Final = 5


def main(arguments: list[str]) -> None:
    """Answer until nobody asks any more."""
    memory_bytes = int(arguments[0])
    # A terminal's Ctrl-C goes to the server too, which ends this process when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_LOWER_PRIORITY)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        # Nothing that a library prints may get in between.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _say(answers, encode(None))
        while len(head := sys.stdin.buffer.read(LENGTH_BYTES)) == LENGTH_BYTES:
            body = sys.stdin.buffer.read(int.from_bytes(head, "big"))
            _say(answers, _answered(body))


def _answered(body: bytes) -> bytes:
    try:
        return encode(answer_to(decode_order(body)))
    except MemoryError:
        # There may be no memory left to say so in.
        os._exit(OUT_OF_MEMORY)


def answer_to(order: Order) -> Answer:
    """Check the source or the conditions of an order, or lay the source out."""
    try:
        if order.is_configuration:
            config = load_program_config(order.source, order.name)
            return Answer(config=config, rule_set=check_conditions(config, order.name))
        if order.is_for_layout:
            return Answer(text=format_source(order.source, order.name))
        return Answer(rule_set=check_here(order))
    except RuleSetError as error:
        return Answer(problems=error.problems)
    except ConditionsError as error:
        return Answer(condition_problems=error.problems)
    except ProgramConfigError as error:
        return Answer(config_problems=error.problems)


def _say(answers: BinaryIO, message: bytes) -> None:
    answers.write(message)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
