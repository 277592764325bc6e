"""What a process did to the files of a folder, as strace saw it, and what is left of them when the power goes.

A disk keeps what was flushed. Of what was not, each sector of 512 bytes is found in any state that it had since, and
names are as they were at some moment since, in the order in which they changed: files that were made may be missing,
and deleted ones be back. The name of a file is flushed by flushing its directory, and only by that.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.tools import tool

SECTOR = 512
CALLS = (
    "openat,open,creat,write,pwrite64,pwritev,writev,lseek,fsync,fdatasync,sync_file_range,ftruncate,truncate,"
    "fallocate,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat"
)
UNKNOWN = {"pwritev", "writev", "sync_file_range", "truncate", "fallocate", "link", "linkat", "creat"}
"""Calls that change files and that nothing here makes of the folder's."""
TEXT_BYTES = 70_000
"""Longer texts are cut short by strace; those are the zeros of a new file of the journal."""
LINE = re.compile(r"(\d+)\.(\d{9}) (\w+)\((.*)\)\s+= (-?\d+)[^=]* <(\d+)\.(\d{9})>$")
FILE = re.compile(r"(\d+)<([^>]*)>")
TEXT = re.compile(r'"([^"]*)"(\.\.\.)?')
NUMBER = re.compile(r", (\d+)")
SECOND = 1_000_000_000
WRITE, SYNC, MAKE, FOLDER, REMOVE, RENAME, RESIZE = "write", "sync", "make", "folder", "remove", "rename", "resize"


def recorder(prefix: Path) -> tuple[str, ...]:
    """Return what a command is put behind so that what it does to files is recorded in files that begin so."""
    return (
        tool("strace", "strace"), "-D", "-ff", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(TEXT_BYTES),
        "--absolute-timestamps=format:unix,precision:ns", "--syscall-times=ns", "-e", f"trace={CALLS}",
        "-e", "signal=none", "-o", str(prefix),
    )  # fmt: skip


@dataclass(slots=True)
class Step:
    """One call that changed a file or a name, or flushed; paths are relative to the folder, which is ``.`` itself."""

    began_ns: int
    ended_ns: int
    thread: int
    what: str
    path: str
    at: int = 0
    data: bytes = b""
    to: str = ""


def read_record(prefix: Path, folder: Path) -> list[Step]:
    """Return what was done to a folder, in the order in which it was done."""
    steps: list[Step] = []
    for file in prefix.parent.glob(f"{prefix.name}.*"):
        steps += _Thread(folder, int(file.suffix[1:])).read(file)
    return sorted(steps, key=lambda step: step.ended_ns)


class _Thread:
    """One thread's calls."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder, self._number = folder, number
        self._mark = _hex(str(folder))
        self._places: dict[int, int] = {}  # of open files: where the next write without a place goes

    def read(self, file: Path) -> Iterator[Step]:
        with file.open() as lines:
            for line in lines:
                if self._mark in line and (found := LINE.match(line)) is not None:
                    seconds, nanoseconds, call, given, result, took_s, took_ns = found.groups()
                    began = int(seconds) * SECOND + int(nanoseconds)
                    if int(result) >= 0:
                        yield from self._step(call, given, int(result), began, int(took_s) * SECOND + int(took_ns))

    def _step(self, call: str, given: str, result: int, began: int, took: int) -> Iterator[Step]:
        assert call not in UNKNOWN, f"{call} is not understood"

        def step(what: str, path: str, at: int = 0, data: bytes = b"", to: str = "") -> Iterator[Step]:
            inside = self._inside(path)
            if inside is not None:
                yield Step(began, began + took, self._number, what, inside, at, data, self._inside(to) or "")

        texts = [_plain(text) for text, _ in TEXT.findall(given)]
        opened = FILE.match(given)
        path = _plain(opened.group(2)) if opened is not None else ""
        match call:
            case "open" | "openat":
                self._places[result] = 0
                if "O_CREAT" in given or "O_TRUNC" in given:
                    yield from step(MAKE, texts[0])
                assert "O_TRUNC" not in given or self._inside(texts[0]) is None
            case "lseek":
                assert opened is not None
                self._places[int(opened.group(1))] = result
            case "write" | "pwrite64":
                assert opened is not None
                yield from step(WRITE, path, *self._written(call, given, int(opened.group(1)), result))
            case "fsync" | "fdatasync":
                yield from step(SYNC, path)
            case "ftruncate":
                yield from step(RESIZE, path, int(NUMBER.findall(given)[0]))
            case "unlink" | "unlinkat":
                yield from step(REMOVE, texts[0])
            case "mkdir" | "mkdirat":
                yield from step(FOLDER, texts[0])
            case "rename" | "renameat" | "renameat2":
                yield from step(RENAME, texts[0], to=texts[1])

    def _written(self, call: str, given: str, file: int, count: int) -> tuple[int, bytes]:
        """Return where a write went, and what."""
        text = TEXT.search(given)
        assert text is not None
        data = bytes.fromhex(text.group(1).replace("\\x", ""))
        if text.group(2):
            assert not any(data), "only zeros may be cut short"
            data = bytes(count)
        if call == "pwrite64":
            return int(NUMBER.findall(given[text.end() :])[1]), data[:count]
        at = self._places.get(file, 0)
        self._places[file] = at + count
        return at, data[:count]

    def _inside(self, path: str) -> str | None:
        """Return a path within the folder; None for others, and for what SQLite keeps in memory alone."""
        inside = bool(path) and Path(path).is_relative_to(self._folder) and not path.endswith("-shm")
        return str(Path(path).relative_to(self._folder)) if inside else None


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode(errors="replace")


@dataclass
class File:
    """A file: what of it was flushed, and the writes since."""

    kept: bytearray = field(default_factory=bytearray)
    writes: list[Step] = field(default_factory=list)

    @property
    def now(self) -> bytearray:
        """What a reader would get."""
        image = bytearray(self.kept)
        for write in self.writes:
            _put(image, write.at, write.data)
        return image

    def flush(self, until_ns: int) -> None:
        """Keep what was written by then."""
        done = [write for write in self.writes if write.ended_ns <= until_ns]
        self.writes = [write for write in self.writes if write.ended_ns > until_ns]
        for write in done:
            _put(self.kept, write.at, write.data)

    def left(self, chance: Random, under_way: Sequence[Step]) -> bytearray:
        """Return what a power cut leaves of it, with some writes under way."""
        writes = [*self.writes, *under_way]
        image = bytearray(self.kept)
        if not writes:
            return image
        by_sector: defaultdict[int, list[Step]] = defaultdict(list)
        for write in writes:
            for sector in range(write.at // SECTOR, -(-(write.at + len(write.data)) // SECTOR)):
                by_sector[sector].append(write)
        written = chance.choice((0.0, 1.0, chance.random(), chance.random()))  # how much the disk got done
        for sector, own in by_sector.items():
            states = len(own) if chance.random() < written else chance.randrange(len(own) + 1) if written else 0
            for write in own[:states]:
                first, last = max(write.at, sector * SECTOR), min(write.at + len(write.data), (sector + 1) * SECTOR)
                _put(image, first, write.data[first - write.at : last - write.at])
        size = max(write.at + len(write.data) for write in writes)
        if len(image) < size and chance.random() < 0.5:
            _put(image, size, b"")  # the length was noted and the sectors were not written
        return image


def _put(image: bytearray, at: int, data: bytes) -> None:
    if len(image) < at:
        image.extend(bytes(at - len(image)))
    image[at : at + len(data)] = data


class Disk:
    """A folder's files as the steps make them, one after the other; ``forgets`` are flushes that it leaves out."""

    def __init__(self, files: dict[str, bytes], forgets: Callable[[Step], bool] = lambda _step: False) -> None:
        self._forgets = forgets
        self._names: dict[str, File | None] = {
            path: File(bytearray(data)) for path, data in files.items()
        }  # None: folder
        self._names |= {str(Path(path).parent): None for path in files}
        self._kept_names = dict(self._names)
        self._changes: list[tuple[Step, File | None]] = []  # of names, since they were flushed

    def take(self, step: Step) -> None:
        """Do what a step did."""
        file = self._names.get(step.path)
        match step.what:
            case "write":
                if file is not None:  # else one that has no name any more
                    file.writes.append(step)
            case "resize":
                if file is not None:
                    assert step.at >= len(file.now), "a file that is made shorter is not understood"
            case "sync":
                if self._forgets(step):
                    return
                if file is not None:
                    file.flush(step.began_ns)
                else:
                    self._flush_names(step)
            case "make" | "folder":
                if step.path not in self._names:
                    self._change(step, File() if step.what == MAKE else None)
            case "remove" | "rename":
                self._change(step, file)

    def _change(self, step: Step, file: File | None) -> None:
        self._changes.append((step, file))
        _change(self._names, step, file)

    def _flush_names(self, sync: Step) -> None:
        """Keep the changes of one folder's names."""
        done = [
            each for each in self._changes
            if str(Path(each[0].path).parent) == sync.path and each[0].ended_ns <= sync.began_ns
        ]  # fmt: skip
        self._changes = [each for each in self._changes if each not in done]
        for step, file in done:
            _change(self._kept_names, step, file)

    def now(self) -> dict[str, bytes]:
        """Return all files as they are."""
        return {path: bytes(file.now) for path, file in self._names.items() if file is not None}

    def left(self, chance: Random, under_way: Sequence[Step]) -> dict[str, bytes]:
        """Return what a power cut leaves, with some steps under way."""
        names = dict(self._kept_names)
        for step, file in self._changes[: chance.randrange(len(self._changes) + 1)]:
            _change(names, step, file)
        found = {}
        for path, file in names.items():
            if file is not None and str(Path(path).parent) in names:
                writes = [step for step in under_way if step.what == WRITE and self._names.get(step.path) is file]
                found[path] = bytes(file.left(chance, writes))
        return found


def _change(names: dict[str, File | None], step: Step, file: File | None) -> None:
    if step.what in {MAKE, FOLDER}:
        names[step.path] = file
        return
    names.pop(step.path, None)
    if step.what == RENAME:
        names[step.to] = file
