"""What the kernel knows of the programs, and the arrays that a batch comes in and goes out by.

``Programs`` are facts of a program at one moment: its settings, its calendar and its compiled rules. Built by
``engine/programs.py`` for each batch; read by the kernel.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pointguard_server.velocity.views import view

IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
RowArray = npt.NDArray[np.void]

PROGRAM = np.dtype(
    [
        (name, "<i8")
        for name in (
            "program_id",
            "tenant_id",
            "epoch",
            "rule_set_version",
            "experiment_id",  # whose arm this is; 0: of none
            "arm",  # from 1
            "fraud_rules_version",
            "currency",
            "points_floor",
            "rate_points",  # ``rate_points`` points are worth ``rate_money`` minor units
            "rate_money",
            "hold_default",
            "hold_max",
            "first_exempt",  # the groups whose points never end by the program's word
            "exempt_count",
            "return_window",  # how long after a transaction it may be returned; 0: for ever
            "return_grace",  # how long points live that go back after their lot has ended; 0: not at all
            "forgives",  # whether a return takes no more than there is to spend
            "unreceipted_points",  # taken back for ``unreceipted_money`` minor units without a receipt; 0: refused
            "unreceipted_money",
            "credit_max",  # the most points that an agent gives at once; 0: no limit
            "retention",  # how long events stay in memory
            "looks_back",  # how far windows reach back by which recorded activity is judged
            "first_measure",
            "measure_count",
            "fraud_measure_count",  # of those that fraud rules look at, which come first
            "distinct_count",  # of measures that count different values
            "first_rule",
            "rule_count",
            "first_scoped",
            "scoped_count",  # of measures of a wider scope than the account
            "fraud_epoch",
            "earn_address",
            "first_constant",
            "first_input",
            "input_count",
            "condition_address",  # of the fraud rules' conditions, 0 if they have none
            "condition_count",
            "first_condition_constant",
            "first_condition_input",
            "condition_input_count",
            "first_counter",
            "counter_count",
            "first_award",
            "award_count",
            "money_scale",  # minor units → the rules' fixed point
            "year",
            "month",
            "day",
            "hour",
            "minute",
            "weekday",
            "date",  # days since 1970-01-01
            "day_start",
            "week_start",
            "month_start",
        )
    ]
)

RULE = np.dtype(
    [
        (name, "<i8")
        for name in (
            "rule_id",
            "measure",  # index among the program's measures; or PROVINCES or CONDITION
            "scoped",  # index among the program's measures of a wider scope; -1: its measure is the account's
            "condition",  # index among the program's conditions, which must hold for the rule to trip; -1: none
            "is_sized",  # its condition depends on how much is redeemed
            "is_shadow",  # tripping is counted and has no other effect
            "threshold",
            "posture",
            "context",
            "duration",
            "extends",
            "factor",  # that a STEP_UP asks for; 0: any
            "four_eyes",  # a case of it is resolved by two
            "reason",  # what a transaction that it forbids is told
            "is_limit",  # a redemption may be cut down to fit under it
            "fails_closed",  # it declines while what it counts is not known
            "of_agent",  # its window is the agent's, and the advice that it raises is about him
            "tripped",  # output: how often it tripped in this batch
            "unavailable",  # output: how often it could not be looked at
        )
    ]
)
"""A fraud rule or control."""
PROVINCES, CONDITION = -1, -2
"""Instead of a measure: the rule compares the store's province with the member's; it is its condition alone."""

EXEMPTION = np.dtype(
    [(name, "<i8") for name in ("entity", "value", "program_id", "rule_id", "context", "starts_at", "ends_at")]
)
"""What lets transactions pass fraud rules; sorted by the first two. ``rule_id`` and ``context`` 0: every one.

``value`` is the account, or the number of the store, cashier or redemption type; of a group, its bit in the words of
sets of groups.
"""

DEED = np.dtype([(name, "<i8") for name in ("agent_id", "moment", "kind", "program_id")])
"""What an agent did that no leg says: putting a directive in force, or ending one. Sorted by the first two."""

STOP = np.dtype(
    [
        (name, "<i8")
        for name in ("program_id", "reason", "business_unit_id", "store_id", "terminal_id", "starts_at", "ends_at")
    ]
)
"""What stops redemptions, and what a transaction is told; of unit, store and terminal, 0: every one."""

AWARD = np.dtype(
    [
        (name, "<i8")
        for name in (
            "rule_id",
            "part",
            "entry_type",
            "pending",  # how long its points are held back
            "expires_after",  # how long after the award they end; 0: not by its age
            "expires_at",  # when the points that are given now end; 0: not by the calendar
            "spares_groups",  # whether those who are in one of the program's exempt groups get points that never end
        )
    ]
)
"""What an earn rule's award becomes; behind a program's own stands what a credit by an agent becomes."""


INPUT = np.dtype([("fact", "<i8"), ("measure", "<i8"), ("scale", "<i8"), ("most", "<i8"), ("source", "<i8")])
"""What the earn rules read beside the facts that all do: what ``measure`` says, as their fact ``fact``.

A window, by its measure: its value, at most ``most``, × ``scale``. GIVEN: ``most`` × ``scale``; of a date, today's.
MATCHED: whether the word of the text in fact ``source`` has a bit of ``most``. MATCHED_NUMBER: whether ``most`` has the
bit that the number in fact ``source`` counts. EARNED: what the program's counter ``source`` has; the leg has it as the
window ``most``.
"""
GIVEN, MATCHED, MATCHED_NUMBER, EARNED = -1, -2, -3, -4

COUNTER = np.dtype([("rule_id", "<i8"), ("period", "<i8")])
"""What a rule gave an account in a period: see ``engine/counters.py``."""


@view
class World(NamedTuple):
    """Every program's facts, one array a kind; a program holds the index of its first row in each."""

    programs: RowArray
    measures: RowArray
    scoped: RowArray  # velocity.scopes.SCOPED
    rules: RowArray
    awards: RowArray
    inputs: RowArray
    constants: IntArray
    code_words: IntArray  # by a text's number: see engine/code_words.py
    counters: RowArray
    store_countries: IntArray  # the number of a store's country, by the store's
    age_bands: IntArray  # the numbers of domain/age_bands.AGE_BANDS; none: nobody asks
    group_places: IntArray  # by the number of a set of groups: its place in ``groups``; 0: it has none, or nobody asks
    groups: IntArray  # at a set's place how many groups it has, and then their numbers: see engine/group_sets.py
    exempt_groups: IntArray  # the numbers of programs' exempt groups
    exemptions: RowArray
    stops: RowArray
    deeds: RowArray


RETURN_REQUEST = np.dtype([(name, "<i8") for name in ("original", "first_line", "line_count")])
"""A return: the row of its original, and those of the lines that it names."""
ORIGINAL = np.dtype(
    [
        (name, "<i8")
        for name in (
            "seq",
            "event_seq",  # of the leg that windows count: of a capture, its authorise
            "counted",  # how wider windows counted that leg: its row of ``COUNTED``
            "accepted_at",
            "is_redemption",  # or else an accrual
            "points",
            "money",
            "returned_points",  # what the returns before came to
            "returned_money",
            "returns",  # how many there were
            "first_part",
            "part_count",
            "first_line",
            "line_count",  # of its basket
        )
    ]
)
"""What a return is about."""
ORIGINAL_PART = np.dtype(
    [(name, "<i8") for name in ("part", "points", "behind", "rule_id", "lot_seq", "matures_at", "expires_at")]
)
"""An entry that gave or spent points, in order; ``behind``: what those after it come to."""


COUNTED = np.dtype(
    [
        (name, "<i8")
        for name in (
            "time",
            "kind",
            "parts",
            "flags",
            "points",
            "money",
            "released_points",  # what was given back of it so far
            "released_money",
            "store_id",
            "terminal_id",
            "cashier_id",
            "named_by",
            "business_unit_id",
            "agent_id",
            "group_set_id",
        )
    ]
)
"""An original as wider windows counted it: of a capture, its authorise. The first are as in ``velocity.windows.EVENT``;
all are 0 where no program has such windows."""


@view
class Returns(NamedTuple):
    """What a batch's returns are about: see ``engine/originals.py``."""

    requests: RowArray
    originals: RowArray
    counted: RowArray  # COUNTED, one for each of the originals
    parts: RowArray
    lines: IntArray  # [line of an original, (amount, of which returned)] in minor units
    asked_lines: IntArray  # [line of a request, (place in the basket from 1, minor units; 0: all of it)]


CORRECTED = np.dtype([(name, "<i8") for name in ("seq", "gives", "left", "corrected")])
"""What a correction is about: its seq, whether it gave points or else took some, what it comes to with all that
returned and corrected it, and what its corrections alone come to."""

SIDE = np.dtype([(name, "<i8") for name in ("slot", "count", "identifier_kind", "identifier_id", "points", "row")])
"""An account of a request that is about several: how many they are, counted in the first one's row, and by which
identifier it was named. ``points`` and ``row`` are the kernel's own: what it is about, and the row of its leg."""

_ABOUT = ("advice_id_high", "advice_id_low", "agent_id", "rule_id", "posture", "is_over", "ends_at")
AGENT_ADVICE = np.dtype([(name, "<i8") for name in _ABOUT])
"""Advice about an agent that has not ended; ``is_over``: it does not stand, and its rule has no effect on him."""


@view
class Batch(NamedTuple):
    """What a batch asks; of ``requests`` and ``envelopes``, so many rows as the header says.

    ``ids`` holds a fresh transaction id (high, low) for every leg that may be written.
    """

    requests: RowArray
    request_words: IntArray  # the same memory as a matrix
    envelopes: RowArray
    lines: IntArray  # [line, field of rules/fields.py]
    bodies: ByteArray
    ids: IntArray
    header: IntArray  # indexed by the constants below
    returns: Returns
    corrections: RowArray  # CORRECTED
    agent_advice: RowArray  # AGENT_ADVICE, with room for what the batch may raise
    sides: RowArray  # SIDE


NOW, BATCH_ID, REQUESTS, FIRST_POSITION, FIRST_ENTRY, FIRST_ADVICE, ADVICE_ABOUT_AGENTS, LOTS_TO_MOVE = range(8)
"""The last two: how many rows of ``agent_advice`` are in use, and how many lots transfers may still take over."""
HEADER_SIZE = 8


@view
class Output(NamedTuple):
    """What a batch gives. ``counts`` says how many rows of each were written."""

    legs: RowArray
    leg_words: IntArray  # the same memory as a matrix, and so below
    leg_request: IntArray  # the request that wrote the leg; -1: the server itself
    entries: RowArray
    entry_words: IntArray
    advice: RowArray
    advice_words: IntArray
    answers: RowArray
    reasons: IntArray  # [request, Programs.reasons_max × (reason, rule id)]
    evidence: IntArray  # of each reason: (what was measured; -1: nothing, until when the advice stands; 0: not at all)
    # [leg, measure]: what each window held; -1: not looked at. The transaction itself is counted, but not in what the
    # earn rules read. Behind the program's measures: what their caps' counters had.
    windows: IntArray
    shown: RowArray  # standing advice for readers
    shown_request: IntArray
    counts: IntArray
    facts: IntArray  # scratch for the earn rules
    work: IntArray  # scratch for the earn rules: see rules/work_layout.py
    award_points: IntArray  # the first of ``work``: what each rule gives
    held: IntArray  # scratch for the conditions of fraud rules; the first are what became of each


LEGS, ENTRIES, ADVICE_ROWS, SHOWN = range(4)
COUNTS_SIZE = 4
