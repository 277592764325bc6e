"""Versions of a program's earn rules and their activations: the values. Storage keeps them, others make them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from pointguard_server.domain.codes import RuleChangeReason, RuleSetActivationKind
from pointguard_server.rules.texts import Texts

FILE_AUTHOR: Final = "file"
SetFiles = Mapping[str, Texts]
"""The entries of sets that come from files, by the file's name."""
NO_FILES: Final[SetFiles] = {}


PIECE_BYTES: Final = 64 * 1024
"""Of a file, at most, in one row: some milliseconds on the writer's thread."""


class FilePiece(NamedTuple):
    """A piece of a file, kept under the digest of all of it, by its place in it."""

    digest: bytes
    place: int
    lines: bytes


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


def pieces_of(texts: Texts) -> Iterator[FilePiece]:
    """Yield the pieces of a file, in their order."""
    for place, begin in enumerate(range(0, len(texts.lines), PIECE_BYTES)):
        yield FilePiece(texts.digest, place, texts.lines[begin : begin + PIECE_BYTES])


def source_digest(source: str, files: SetFiles = NO_FILES) -> bytes:
    """Return the digest of a source text with the files of its sets, as JSON.

    Of long files it takes milliseconds, in which other threads have their turns.
    """
    digest = sha256(source.encode())
    for part in _json_of(files) if files else ():
        digest.update(part)
    return digest.digest()


def _json_of(files: SetFiles) -> Iterator[bytes]:
    """Yield what ``json.dumps`` makes of the files' lists of entries, which are printable, with Unicode as it is."""
    before = "{"
    for name, texts in files.items():
        yield f"{before}{json.dumps(name, ensure_ascii=False)}: [".encode()
        quote = b'"' if texts.count else b""
        yield quote
        for piece in pieces_of(texts):
            escaped = piece.lines.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b'", "')
            is_last = (piece.place + 1) * PIECE_BYTES >= len(texts.lines)
            yield escaped.removesuffix(b'", "') if is_last else escaped
        yield quote + b"]"
        before = ", "
    yield b"}"
