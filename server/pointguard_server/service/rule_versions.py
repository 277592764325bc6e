"""Versions of a program's earn rules and their activations: the values. Storage keeps them, others make them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind

FILE_AUTHOR: Final = "file"
SetFiles = Mapping[str, tuple[str, ...]]
"""The entries of sets that come from files, by the file's name."""
NO_FILES: Final[SetFiles] = {}


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Who changed rules, and why. ``key_id`` is the API key's public id, empty for the server's own file."""

    author: str
    reason: RuleChangeReason
    note: str = ""
    key_id: str = ""


FILE_CHANGE: Final = RuleChange(FILE_AUTHOR, RuleChangeReason.FILE)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key and the digest of the request that it stands for, 16 bytes each."""

    key: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class RuleSetVersion:
    """One version. Times are microseconds since 1970; in lists ``source`` is empty, and so are ``files``."""

    version: int
    source: str
    files: SetFiles
    digest: bytes
    change: RuleChange
    created_at: int


@dataclass(frozen=True, slots=True)
class RuleSetActivation:
    """One activation: from ``effective_at`` on ``version`` decides, in place of ``previous_version`` (0: of none)."""

    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    effective_at: int
    activated_at: int
    change: RuleChange


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """What a request of a known key made: a version, or an activation. ``digest`` is the request's."""

    digest: bytes
    made: RuleSetVersion | RuleSetActivation


@dataclass(frozen=True, slots=True)
class Timeline:
    """What decides from a moment on: the activation in force (none before the first), and the planned ones in order."""

    active: RuleSetActivation | None
    planned: tuple[RuleSetActivation, ...]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that it needs, each once; the active one first."""
        activations = ((self.active,) if self.active is not None else ()) + self.planned
        return tuple(dict.fromkeys(activation.version for activation in activations))

    def version_at(self, moment: int) -> int:
        """Return the version that decides at a moment, as far as is planned; 0 if none does."""
        due = [activation for activation in self.planned if activation.effective_at <= moment]
        latest = due[-1] if due else self.active
        return latest.version if latest is not None else 0


def timeline_of(active: RuleSetActivation | None, planned: Sequence[RuleSetActivation]) -> Timeline:
    """Return the timeline of activations; of those planned for one moment the last that was made counts."""
    by_moment = {
        activation.effective_at: activation
        for activation in sorted(planned, key=lambda activation: activation.activation)
    }
    return Timeline(active, tuple(by_moment[moment] for moment in sorted(by_moment)))


def files_text(files: SetFiles) -> str:
    """Return files as one text; ``read_files`` reads it."""
    return json.dumps(files, ensure_ascii=False) if files else ""


def read_files(text: str) -> SetFiles:
    """Return the files that ``files_text`` wrote."""
    return {name: tuple(entries) for name, entries in json.loads(text).items()} if text else NO_FILES


def source_digest(source: str, files: SetFiles = NO_FILES) -> bytes:
    """Return the digest of a source text with the files of its sets."""
    return sha256((source + files_text(files)).encode()).digest()
