"""The one compiled call that decides a whole batch, in order. Used by ``engine/batch.py``.

``decide`` is the entry. It and its helpers are split by noun: ``accounts`` (bringing an account to the present),
``redemptions``, ``reservations``, ``accruals``, ``returns``, ``adjustments``, ``several_accounts``, ``activity``,
``offline``, ``lots``, ``advice``, ``agents``, ``interventions`` and ``emit`` (writing rows).
"""

from pointguard_server.domain.codes import INTERVENTIONS, SEVERAL_ACCOUNTS, Operation, Outcome
from pointguard_server.engine.compiled.accounts import bring_up_to_date, show_balance
from pointguard_server.engine.compiled.accruals import accrue
from pointguard_server.engine.compiled.activity import record_activity
from pointguard_server.engine.compiled.adjustments import adjust
from pointguard_server.engine.compiled.facts import record_fact
from pointguard_server.engine.compiled.interventions import intervene
from pointguard_server.engine.compiled.lots import show_lots
from pointguard_server.engine.compiled.offline import is_uncovered, redeem_uncovered
from pointguard_server.engine.compiled.redemptions import authorise, check, quote
from pointguard_server.engine.compiled.reservations import capture, extend, void
from pointguard_server.engine.compiled.returns import give_back
from pointguard_server.engine.compiled.several_accounts import move_points, sides_of
from pointguard_server.engine.world import NOW, REQUESTS
from pointguard_server.velocity.compiling import entry, part
from pointguard_server.velocity.prefetch import fetch_account, fetch_events
from pointguard_server.velocity.windows import NONE

_FIRST_READ = int(Operation.QUOTE)
_INTERVENTIONS = tuple(sorted(int(each) for each in INTERVENTIONS))
_SEVERAL_ACCOUNTS = tuple(sorted(int(each) for each in SEVERAL_ACCOUNTS))
_AUTHORISE, _CAPTURE, _VOID, _ACCRUE = (
    int(Operation.AUTHORISE),
    int(Operation.CAPTURE),
    int(Operation.VOID),
    int(Operation.ACCRUE),
)
_RETURN, _ADJUST, _EXTEND = int(Operation.RETURN), int(Operation.ADJUST), int(Operation.EXTEND)
_RECORD = int(Operation.RECORD_ACTIVITY)
_QUOTE, _CHECK, _SETTLE = int(Operation.QUOTE), int(Operation.CHECK), int(Operation.SETTLE)
_ACCOUNT_UNKNOWN, _CURRENCY_MISMATCH = int(Outcome.ACCOUNT_UNKNOWN), int(Outcome.CURRENCY_MISMATCH)


@entry
def decide(arrays, world, batch, out):  # noqa: C901  (one case an operation)
    """Decide every request of the batch in order, changing the accounts in memory and filling ``out``.

    A request whose ``skip`` is set gets that outcome and changes nothing. The caller has made sure that
    every pool and every output array has room for the worst case, and throws the touched accounts out if the commit
    then fails.
    """
    _fetch_accounts(arrays, batch)
    for r in range(batch.header[REQUESTS]):
        answer = out.answers[r]
        answer.leg_row = -1
        envelope = batch.envelopes[r]
        answer.outcome = envelope.skip
        if envelope.skip != 0:
            continue
        slot = envelope.slot
        if slot < 0:
            answer.outcome = _ACCOUNT_UNKNOWN
            continue
        account = arrays.accounts[slot]
        program = world.programs[account.program]
        currency = envelope.currency
        if currency not in (0, program.currency):
            answer.outcome = _CURRENCY_MISMATCH
            continue
        answer.account_id = account.account_id
        operation = batch.requests[r].operation
        if operation >= _FIRST_READ and operation != _SETTLE:
            _read(arrays, world, batch, out, r, slot)
            continue
        first, last = sides_of(batch, r) if operation in _SEVERAL_ACCOUNTS else (0, 0)
        if not _are_known(arrays, world, batch, first, last, program):
            answer.outcome = _ACCOUNT_UNKNOWN
            continue
        for i in range(first, max(last, first + 1)):
            # Its own comes last.
            own = slot if i + 1 >= last else batch.sides[i + 1].slot
            bring_up_to_date(arrays, world, batch, out, own, world.programs[arrays.accounts[own].program])
        if operation == _AUTHORISE:
            authorise(arrays, world, batch, out, r, slot)
        elif operation == _ACCRUE:
            accrue(arrays, world, batch, out, r, slot)
        elif operation == _CAPTURE:
            if is_uncovered(arrays, batch, r, slot):
                redeem_uncovered(arrays, world, batch, out, r, slot)
            else:
                capture(arrays, world, batch, out, r, slot)
        elif operation == _VOID:
            void(arrays, world, batch, out, r, slot)
        elif operation == _EXTEND:
            extend(arrays, world, batch, out, r, slot)
        elif operation == _RETURN:
            give_back(arrays, world, batch, out, r, slot)
        elif operation == _ADJUST:
            adjust(arrays, world, batch, out, r, slot)
        elif operation in _SEVERAL_ACCOUNTS:
            move_points(arrays, world, batch, out, r)
        elif operation == _RECORD:
            record_activity(arrays, world, batch, out, r, slot)
        elif operation in _INTERVENTIONS:
            intervene(arrays, world, batch, out, r, slot)
        elif operation != _SETTLE:
            record_fact(arrays, world, batch, out, r, slot)
        show_balance(arrays, account, answer, batch.header[NOW])


@part
def _are_known(arrays, world, batch, first, last, program):
    """Whether all accounts of a request are there; one of another program is as good as none."""
    for i in range(first, last):
        slot = batch.sides[i].slot
        if slot < 0 or world.programs[arrays.accounts[slot].program].program_id != program.program_id:
            return False
    return True


@part
def _read(arrays, world, batch, out, r, slot):
    """Answer a request that writes nothing, as of now: whatever has been written down of what time did."""
    account, answer = arrays.accounts[slot], out.answers[r]
    operation = batch.requests[r].operation
    show_balance(arrays, account, answer, batch.header[NOW])
    if account.first_lot != NONE:
        show_lots(arrays, account, answer, batch.header[NOW])
    if operation == _QUOTE:
        quote(arrays, world, batch, out, r, slot)
    elif operation == _CHECK:
        check(arrays, world, batch, out, r, slot)


@part
def _fetch_accounts(arrays, batch):
    for r in range(batch.header[REQUESTS]):
        if batch.envelopes[r].slot >= 0:
            fetch_account(arrays, batch.envelopes[r].slot)
    for r in range(batch.header[REQUESTS]):
        if batch.envelopes[r].slot >= 0:
            fetch_events(arrays, batch.envelopes[r].slot)
