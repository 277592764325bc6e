"""Versions, activations and problems of rule sets as messages, and parts of their requests. For ``rule_service``."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import explanation_pb2, rule_pb2
from pointguard_server.domain.codes import EntryType, Part, Reason, RuleChangeReason
from pointguard_server.rpc.decode import AUTHOR_BYTES_MAX, NOTE_BYTES_MAX, OCCURRED_MAX, OCCURRED_MIN, Decoder
from pointguard_server.rpc.encode import timestamp
from pointguard_server.rules.problems import Problem
from pointguard_server.rules.value_types import ValueType
from pointguard_server.service.rule_simulation import RuleTrace, RuleValue, Simulation
from pointguard_server.service.rule_versions import (
    FILE_AUTHOR,
    RuleChange,
    RuleSetActivation,
    RuleSetVersion,
)

SOURCE_BYTES_MAX = 65_536
FILES_MAX = 64
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}")
PAGE_DEFAULT, PAGE_MAX = 20, 100
TOKEN_DIGITS_MAX = 18
_REASONS = {int(reason): reason for reason in RuleChangeReason if reason is not RuleChangeReason.FILE}

# ------------------------------------------------------------------------------------------------------------- requests


def source_text(decoder: Decoder, source: str, most: int = SOURCE_BYTES_MAX) -> str:
    """Return a source text that is neither empty nor too long; the rest is for the language to say."""
    if not source or len(source) > most or len(source.encode()) > most:
        decoder.fault("source", f"must have 1 to {most} bytes")
    elif "\0" in source:
        # In a comment no language minds it, but not every database has it in its texts.
        decoder.fault("source", "must not have the character U+0000")
    return source


def file_texts(decoder: Decoder, files: Sequence[rule_pb2.RuleSetFileContent]) -> dict[str, str]:
    """Return the texts of files by their names, in the order in which they came; what is in them the language says."""
    if len(files) > FILES_MAX:
        decoder.fault("files", f"must be at most {FILES_MAX}")
    texts: dict[str, str] = {}
    for index, file in enumerate(files[:FILES_MAX]):
        if not FILE_NAME.fullmatch(file.name):
            decoder.fault(f"files[{index}].name", "must be the name of a file, of letters, digits and _ . -")
        elif file.name in texts:
            decoder.fault(f"files[{index}].name", "must not be there twice")
        texts[file.name] = file.content
    return texts


def content_digest_parts(texts: Mapping[str, str]) -> bytes:
    """Return what of a request's files stands under its idempotency key; nothing if there are none."""
    if not texts:
        return b""
    digest = sha256()
    for name in sorted(texts):
        digest.update(sha256(name.encode()).digest() + sha256(texts[name].encode()).digest())
    return digest.digest()


def version_number(decoder: Decoder, number: int, field: str = "version") -> int:
    """Return a version's number."""
    if number < 1:
        decoder.fault(field, "must be 1 or more")
    return number


def rule_change(decoder: Decoder, message: rule_pb2.RuleChange, key_id: str) -> RuleChange:
    """Return who changes rules and why."""
    if not message.author:
        decoder.fault("change.author", f"must have 1 to {AUTHOR_BYTES_MAX} bytes")
    author = decoder.text(message.author, "change.author", AUTHOR_BYTES_MAX)
    if author == FILE_AUTHOR:
        decoder.fault("change.author", "must be another than the server's own")
    reason = _REASONS.get(int(message.reason))
    if reason is None:
        decoder.fault("change.reason", "must be one of the contract's reasons, and not FILE")
    note = decoder.text(message.note, "change.note", NOTE_BYTES_MAX)
    if reason is RuleChangeReason.OTHER and not message.note:
        decoder.fault("change.note", "must say what the reason is, if it is OTHER")
    if message.api_key_id:
        decoder.fault("change.api_key_id", "must be empty: the server knows it")
    return RuleChange(author, reason or RuleChangeReason.OTHER, note, key_id)


def moment(decoder: Decoder, message: Timestamp, field: str) -> int:
    """Return a moment in microseconds since 1970."""
    if not OCCURRED_MIN <= message.seconds < OCCURRED_MAX or not 0 <= message.nanos < 1_000_000_000:
        decoder.fault(field, "must be a moment from 2000 to 2100")
        return 0
    return message.seconds * 1_000_000 + message.nanos // 1000


def page(decoder: Decoder, size: int, token: str) -> tuple[int, int]:
    """Return (the number that a page's rows are below, or 0 for the first page; how many it has at most)."""
    if not 0 <= size <= PAGE_MAX:
        decoder.fault("page_size", f"must be from 0 to {PAGE_MAX}")
    is_number = token.isascii() and token.isdigit() and len(token) <= TOKEN_DIGITS_MAX and int(token) > 0
    if token and not is_number:
        decoder.fault("page_token", "must be the next_page_token of the page before")
    return (int(token) if is_number else 0), size or PAGE_DEFAULT


def key_digest_parts(change: RuleChange, *numbers: int) -> bytes:
    """Return what of a request but its source text and its RPC stands under its idempotency key."""
    return repr((change.author, int(change.reason), change.note, numbers)).encode()


# -------------------------------------------------------------------------------------------------------------- answers


def change_message(change: RuleChange) -> rule_pb2.RuleChange:
    """Return who changed rules and why."""
    return rule_pb2.RuleChange(
        author=change.author,
        reason=int(change.reason),  # type: ignore[arg-type]
        note=change.note,
        api_key_id=change.key_id,
    )


def version_message(version: RuleSetVersion, *, with_source: bool = False) -> rule_pb2.RuleSetVersion:
    """Return a version."""
    return rule_pb2.RuleSetVersion(
        version=version.version,
        source=version.source if with_source else "",
        digest=version.digest.hex(),
        change=change_message(version.change),
        created_at=timestamp(version.created_at),
        files=[
            rule_pb2.RuleSetFile(name=name, entry_count=len(entries), digest=entries.digest.hex())
            for name, entries in version.files.items()
        ],
    )


def activation_message(activation: RuleSetActivation) -> rule_pb2.RuleSetActivation:
    """Return an activation."""
    cancellation = activation.cancellation
    return rule_pb2.RuleSetActivation(
        cancellation=rule_pb2.RuleSetCancellation(
            cancelled_at=timestamp(cancellation.cancelled_at), change=change_message(cancellation.change)
        )
        if cancellation is not None
        else None,
        activation=activation.activation,
        version=activation.version,
        previous_version=activation.previous_version,
        kind=int(activation.kind),  # type: ignore[arg-type]
        effective_at=timestamp(activation.effective_at),
        activated_at=timestamp(activation.activated_at),
        change=change_message(activation.change),
    )


def problem_message(problem: Problem) -> rule_pb2.RuleProblem:
    """Return a mistake in a source text."""
    place = problem.source_range
    return rule_pb2.RuleProblem(
        line=place.line,
        column=place.column,
        end_line=place.end_line,
        end_column=place.end_column,
        text=problem.text,
        message=problem.message,
        expected=problem.expected,
        hint=problem.hint,
    )


def _fill_value(message: rule_pb2.RuleFact | rule_pb2.SeenValue, value: RuleValue) -> None:
    """Set what something came to; nothing leaves it unset."""
    if isinstance(value.value, bool):
        message.condition = value.value
    elif value.value is not None and value.type is ValueType.TEXT:
        message.text = value.value
    elif value.value is not None and value.type is ValueType.DATE:
        message.date = value.value
    elif value.value is not None:
        message.number = value.value


def _fill_trace(message: rule_pb2.RuleTrace, trace: RuleTrace) -> None:
    if trace.valid is not None:
        message.valid = trace.valid
    if trace.held is not None:
        message.held = trace.held
    message.computed, message.rounded, message.capped = trace.computed, trace.rounded, trace.capped
    for seen in trace.seen:
        place = seen.place
        value = message.seen.add(
            line=place.line,
            column=place.column,
            end_line=place.end_line,
            end_column=place.end_column,
            basket_line=seen.basket_line,
        )
        _fill_value(value, seen.value)


def simulation_message(
    simulation: Simulation, version: int, posted: int, lots: Mapping[str, tuple[int, int]]
) -> rule_pb2.SimulateRuleSetResponse:
    """Return what an order would earn on an account with ``posted`` points.

    ``lots``: when each rule's points mature and end; 0: at once, and never.
    """
    response = rule_pb2.SimulateRuleSetResponse(
        version=version, points=simulation.points, trace_is_cut=simulation.is_cut
    )
    if simulation.failed_at is not None:
        response.failed_line, response.failed_column = simulation.failed_at.line, simulation.failed_at.column
    if simulation.failed:
        response.reasons.add(code=int(Reason.RULE_ARITHMETIC))
    fill_outcomes(response, simulation)
    for outcome in simulation.outcomes:
        if outcome.points > 0:
            posted += outcome.points
            matures_at, expires_at = lots[outcome.rule]
            response.entries.add(
                entry_type=int(EntryType.EARN if outcome.part is Part.BASE else EntryType.BONUS),
                part=int(outcome.part),
                signed_points=outcome.points,
                running_balance=posted,
                rule=outcome.rule,
                matures_at=timestamp(matures_at) if matures_at else None,
                expires_at=timestamp(expires_at) if expires_at else None,
            )
    return response


def fill_outcomes(
    message: rule_pb2.SimulateRuleSetResponse | explanation_pb2.ExplainedEarning, simulation: Simulation
) -> None:
    """Add what the rules named, and what each came to."""
    for name, value in simulation.facts:
        _fill_value(message.facts.add(field=name), value)
    for outcome in simulation.outcomes:
        added = message.outcomes.add(
            rule=outcome.rule,
            part=int(outcome.part),
            points=outcome.points,
            limit=int(outcome.limit),
        )
        if outcome.trace is not None:
            _fill_trace(added.trace, outcome.trace)
