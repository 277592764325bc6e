"""The baseline of ``latency``: the echo of ``echo_server``, which also appends each request to a flushed file.

One thread appends all requests that have gathered, flushes once and then lets them be answered: what any server pays
that answers nothing before it is on disk. Started by the benchmark with the folder of the answers and the file's path.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Self

import uvloop
from google.protobuf.message import Message

from tests.bench.echo_server import Behavior, handlers, serve

Waiting = tuple[bytes, "asyncio.Future[None]"]


class FlushedFile:
    """A file for one event loop; what is appended while a flush is under way is flushed together."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = path.open("ab", buffering=0)
        self._appended: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = Thread(target=self._write, name="writer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._appended.put(None)
        self._thread.join()
        self._file.close()

    async def append(self, content: bytes) -> None:
        """Return once the content is on disk."""
        flushed = self._loop.create_future()
        self._appended.put((content, flushed))
        await flushed

    def _write(self) -> None:
        ending = False
        while not ending:
            gathered = [self._appended.get()]
            while not self._appended.empty():
                gathered.append(self._appended.get())
            requests = [each for each in gathered if each is not None]
            ending = len(requests) < len(gathered)
            self._file.write(b"".join([content for content, _ in requests]))
            os.fsync(self._file.fileno())
            self._loop.call_soon_threadsafe(_release, requests)


def _release(gathered: Sequence[Waiting]) -> None:
    for _, flushed in gathered:
        if not flushed.done():
            flushed.set_result(None)


def keeping(file: FlushedFile, answer: Message) -> Behavior:
    """Return what answers every request alike, once the request is on disk."""

    async def respond(request: Message, _context: object) -> Message:
        await file.append(request.SerializeToString())
        return answer

    return respond


async def main(answers: Path, path: Path) -> None:
    """Serve until told to end."""
    with FlushedFile(path) as file:
        await serve(handlers(answers, lambda answer: keeping(file, answer)))


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
