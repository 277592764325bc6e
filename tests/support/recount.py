"""What memory holds of windows beside a recount of the ledger, for tests that say what must not make them differ."""

from tests.reference.windows import history_of, measure_of, read_records
from tests.support.ledger import TENANT, Ledger


def window_values(ledger: Ledger, account: int) -> tuple[list[int], list[int]]:
    """What memory holds of an account's windows after a quote, and the recount of the ledger."""
    seq = ledger.quote(account).seq
    memory, program = ledger.decider.memory, ledger.programs.programs[0]
    history = history_of(read_records(ledger.connection, TENANT, account))
    now = max(ledger.clock.now(), ledger.decider.heads.accepted_at + 1)
    expected = [measure_of(row).value(history, now, program.zone, seq + 1) for row in program.measures]
    return memory.tallies[memory.slot_of(account), : len(expected), 0].tolist(), expected
