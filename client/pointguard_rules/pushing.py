"""Pushes the rules of a folder to a server: a version is kept only if they are others than the newest one's.

For the command line. Safe to run again, and from two pipelines at once: the idempotency keys are made of what is
pushed and of the version that it comes after, so the same push is the same request.

    NotPushed     the server found mistakes; the text has a line for each, with its place
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from pointguard_client import (
    ActiveVersionDiffers,
    InvalidArgument,
    KeyReused,
    PointguardClient,
    RuleChange,
    RuleSetActivation,
    RuleSetVersion,
)
from pointguard_client.commands.rule_output import problem_line
from pointguard_rules.folder import RuleFiles, read_text
from pointguard_rules.verification import load

ACTIVATIONS_LOOKED_AT: Final = 100
KEY_CHARACTERS: Final = 48


class NotPushed(ValueError):
    """The server cannot use the rules, which are right by themselves: it asks more of them, or has less."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is pushed: a source text, and the texts and digests of the files of its sets by name."""

    source: str
    files: dict[str, str]
    digests: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to. ``activation`` is None if none was asked for, or if it is in force or planned already."""

    version: int
    is_new: bool
    activation: RuleSetActivation | None


def content_of(files: RuleFiles) -> Content:
    """Return what is pushed of a rule set without mistakes.

    Raises:
        RuleSetError, OSError, ValueError: if it has any.
    """
    entries = load(files).files
    digests = {
        name: sha256("".join(f"{entry}\n" for entry in each).encode()).hexdigest() for name, each in entries.items()
    }
    return Content(read_text(files.rules), {name: files.read_set(name) for name in entries}, digests)


async def push(
    client: PointguardClient, files: RuleFiles, change: RuleChange, *, activate: bool, at: datetime | None = None
) -> Pushed:
    """Keep the rules as a version, unless the newest one has the same text and files, and have it decide.

    With ``activate`` it decides from ``at`` on, or at once.

    Raises:
        NotPushed: if the server finds mistakes.
        PointguardError: if it refuses or cannot be reached.
    """
    content = content_of(files)
    try:
        version, is_new = await _kept(client, content, change)
    except InvalidArgument as error:
        if all(not violation.field.startswith(("source", "files")) for violation in error.field_violations):
            raise
        await _tell_mistakes(client, files, content)
        raise
    activation = await _activated(client, version, change, at) if activate else None
    return Pushed(version, is_new, activation)


async def _kept(client: PointguardClient, content: Content, change: RuleChange) -> tuple[int, bool]:
    newest = await _newest(client)
    if newest is not None and _is_same(newest, content):
        return newest.version, False
    key = _key("version", content.source, *content.digests.values(), str(newest.version if newest else 0))
    try:
        made = await client.rules.create_version(content.source, change, files=content.files, idempotency_key=key)
    except KeyReused:
        # Another pipeline has pushed the same at this moment, for another reason: its version it is.
        newest = await _newest(client)
        if newest is None or not _is_same(newest, content):
            raise
        return newest.version, False
    return made.version, True


async def _newest(client: PointguardClient) -> RuleSetVersion | None:
    listed = (await client.rules.list_versions(page_size=1)).versions
    return await client.rules.get_version(listed[0].version) if listed else None


def _is_same(version: RuleSetVersion, content: Content) -> bool:
    return version.source == content.source and {file.name: file.digest for file in version.files} == content.digests


async def _activated(
    client: PointguardClient, version: int, change: RuleChange, at: datetime | None
) -> RuleSetActivation | None:
    """Have a version decide; None if it does already, or will from that moment on."""
    expected = await _decides_at(client, at)
    if expected == version:
        return None
    # The newest activation is part of the key: after a rollback the same push is another request.
    newest = (await client.rules.list_activations(page_size=1)).activations
    made = newest[0].activation if newest else 0
    key = _key("activation", str(version), str(expected), str(made), at.isoformat() if at else "")
    try:
        return await client.rules.activate_version(
            version, change, expected_active_version=expected, effective_at=at, idempotency_key=key
        )
    except (ActiveVersionDiffers, KeyReused):
        # Another pipeline may have activated the same version meanwhile; anything else is for people to look at.
        if await _decides_at(client, at) == version:
            return None
        raise


async def _decides_at(client: PointguardClient, at: datetime | None) -> int:
    """Return the version that decides at a moment, as far as is planned."""
    active = (await client.rules.list_versions(page_size=1)).active_version
    if at is None:
        return active
    page = await client.rules.list_activations(page_size=ACTIVATIONS_LOOKED_AT)
    due = [
        activation
        for activation in page.activations
        if activation.cancellation is None and activation.effective_at is not None and activation.effective_at <= at
    ]
    latest = max(due, key=lambda activation: (activation.effective_at, activation.activation), default=None)
    return active if latest is None else latest.version


async def _tell_mistakes(client: PointguardClient, files: RuleFiles, content: Content) -> None:
    report = await client.rules.validate(content.source, files=content.files)
    lines = [problem_line(str(files.rules), problem) for problem in report.problems]
    if lines:
        raise NotPushed("\n".join(lines))


def _key(*parts: str) -> str:
    return _digest("\0".join(parts))[:KEY_CHARACTERS]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
