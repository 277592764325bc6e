"""Versions of a program's earn rules and their activations: the values. Storage keeps them, others make them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind

FILE_AUTHOR: Final = "file"
SetFiles = Mapping[str, tuple[str, ...]]
"""The entries of sets that come from files, by the file's name."""
NO_FILES: Final[SetFiles] = {}


class KeptFiles(SetFiles):
    """Files as they are kept, read when somebody looks into them: for the longest that takes ten milliseconds."""

    def __init__(self, text: str, files: SetFiles | None = None) -> None:
        self.text = text
        self._files = files

    @classmethod
    def of(cls, files: SetFiles) -> "KeptFiles":
        """Return files with the text by which they are kept."""
        return cls(files_text(files), files)

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read()) if self.text else 0

    def _read(self) -> SetFiles:
        if self._files is None:
            read = json.loads(self.text) if self.text else {}
            self._files = {name: tuple(entries) for name, entries in read.items()}
        return self._files


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
class RuleSetCancellation:
    """That a planned activation was called off before its moment."""

    cancelled_at: int
    change: RuleChange


@dataclass(frozen=True, slots=True)
class RuleSetActivation:
    """One activation: from ``effective_at`` on ``version`` decides, in place of ``previous_version`` (0: of none).

    Unless it was called off before.
    """

    activation: int
    version: int
    previous_version: int
    kind: RuleSetActivationKind
    effective_at: int
    activated_at: int
    change: RuleChange
    cancellation: RuleSetCancellation | None = None


@dataclass(frozen=True, slots=True)
class CancelledActivation:
    """An activation that a request has called off."""

    activation: RuleSetActivation


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """What a request of a known key made: a version, an activation, or the end of one. ``digest`` is the request's."""

    digest: bytes
    made: RuleSetVersion | RuleSetActivation | CancelledActivation


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
    """Return files as the one text by which they are kept; ``KeptFiles`` reads it."""
    if isinstance(files, KeptFiles):
        return files.text
    return json.dumps(files, ensure_ascii=False) if files else ""


def file_digest(entries: Sequence[str]) -> str:
    """Return the digest of one file's entries, as the contract has it."""
    return sha256("".join(f"{entry}\n" for entry in entries).encode()).hexdigest()


def source_digest(source: str, files: SetFiles = NO_FILES) -> bytes:
    """Return the digest of a source text with the files of its sets."""
    return sha256((source + files_text(files)).encode()).digest()
