"""A root folder and what may be done in it: copying as layers do, mounting, running a command. Needs root.

The mounts belong to the mount namespace that ``__main__`` makes, and vanish with it.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Image:
    """What a build stage is so far: its root folder and its settings."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": USUAL_PATH})
    user: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"

    def inside(self, path: str) -> Path:
        """Where a path of the image, relative to its working folder, lies on this machine."""
        return self.root / os.path.normpath(f"{self.folder}/{path}" if not path.startswith("/") else path).lstrip("/")


def call(*command: str | Path) -> None:
    """Run a command of this machine; fail with it."""
    subprocess.run(command, check=True)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a root folder with owners and modes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    call("cp", "--archive", "--reflink=auto", source, target)


def truncate_times(root: Path) -> None:
    """Cut all times of change down to whole seconds, as the layers of an image do; a cache must not mind."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            seconds = int(path.lstat().st_mtime)
            os.utime(path, (seconds, seconds), follow_symlinks=False)


@contextmanager
def mounted(root: Path, mounts: Sequence[tuple[Path | str, str, str]]) -> Iterator[None]:
    """Mount ``(source, place inside the root, options)``, each over the ones before; undo it at the end.

    A source that is a path is bound; ``proc`` and ``tmpfs`` are file systems. The places must exist.
    """
    done: list[Path] = []
    try:
        for source, place, options in mounts:
            target = root / place.lstrip("/")
            if isinstance(source, Path):
                call("mount", "--bind", source, target)
                if options:
                    call("mount", "-o", f"remount,bind,{options}", target)
            else:
                call("mount", "-t", source, "-o", options or "rw", source, target)
            done.append(target)
        yield
    finally:
        for target in reversed(done):
            call("umount", "--lazy", target)


def command_in(
    root: Path, arguments: Sequence[str], environment: Mapping[str, str], user: str, folder: str, *, confined: bool
) -> list[str]:
    """Return the command line that runs ``arguments`` in a root folder as a user ``number:number``.

    ``confined`` takes all capabilities and the way to new privileges away, as the compose file asks for.
    """
    user_id, _, group_id = user.partition(":")
    confinement = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs") if confined else ()
    identity = ["setpriv", f"--reuid={user_id}", f"--regid={group_id}", "--clear-groups", *confinement, "--"]
    settings = [f"{name}={value}" for name, value in environment.items()]
    return ["chroot", str(root), *identity, "env", "--ignore-environment", f"--chdir={folder}", *settings, *arguments]
