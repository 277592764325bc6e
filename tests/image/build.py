"""Does what the Dockerfile says, instruction by instruction, in folders that stand for its stages.

Debian's own Python of the release that the base image names stands in for that image.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.image.root import Image, call, command_in, copy_tree, mounted, truncate_times
from tests.support.dockerfile import Context, Instruction, expand, read_dockerfile

BASE_PACKAGES = "ca-certificates,python3,python3-venv"
# So that pip reaches the packages from wherever this machine does; a real build gets them from its own network.
HOST_SETTINGS = re.compile(r"(PIP_(?!FIND_LINKS)|HTTPS?_PROXY|NO_PROXY).*", re.IGNORECASE)
HOST_FILES = ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")


def build_image(dockerfile: Path, context: Context, work: Path) -> Image:
    """Return the last stage, built in ``work``, where the base system is kept for the next time."""
    shutil.rmtree(work / "stages", ignore_errors=True)
    builder = _Builder(context, work)
    for instruction in read_dockerfile(dockerfile.read_text()):
        flags = "".join(f" --{name}={value}" for name, value in instruction.flags.items())
        print(f"  {instruction.line:3} {instruction.keyword}{flags} {instruction.rest[:100]}", flush=True)
        builder.do(instruction)
    return builder.finish()


class _Builder:
    def __init__(self, context: Context, work: Path) -> None:
        self._context = context
        self._work = work
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Image] = {}
        self._image: Image | None = None

    @property
    def image(self) -> Image:
        assert self._image is not None, "the first instructions must be ARG and FROM"
        return self._image

    def finish(self) -> Image:
        truncate_times(self.image.root)
        return self.image

    def do(self, instruction: Instruction) -> None:
        known: dict[str, Callable[[Instruction], None]] = {
            "ARG": self._argument,
            "FROM": self._from,
            "ENV": self._environment,
            "WORKDIR": self._folder,
            "COPY": self._copy,
            "RUN": self._run,
            "USER": self._user,
            "VOLUME": self._volume,
            "STOPSIGNAL": self._stop_signal,
            "HEALTHCHECK": self._health,
            "ENTRYPOINT": self._entrypoint,
            "LABEL": self._nothing_to_do,
            "EXPOSE": self._nothing_to_do,
        }
        known[instruction.keyword](instruction)

    def _nothing_to_do(self, instruction: Instruction) -> None:
        pass

    def _argument(self, instruction: Instruction) -> None:
        assert self._image is None, "an ARG inside a stage is not understood"
        name, _, value = instruction.rest.partition("=")
        self._arguments[name] = value

    def _from(self, instruction: Instruction) -> None:
        if self._image is not None:
            truncate_times(self._image.root)
        source, _, name = expand(instruction.rest, self._arguments).partition(" AS ")
        name = name or "final"
        root = self._work / "stages" / name
        start = self._stages.get(source) or Image(base_system(source, self._work))
        copy_tree(start.root, root)
        self._image = self._stages[name] = replace(start, root=root, environment=dict(start.environment))

    def _environment(self, instruction: Instruction) -> None:
        before = dict(self.image.environment)
        for word in shlex.split(instruction.rest):
            name, _, value = word.partition("=")
            self.image.environment[name] = expand(value, before)

    def _folder(self, instruction: Instruction) -> None:
        self.image.folder = instruction.rest
        self.image.inside("").mkdir(parents=True, exist_ok=True)

    def _copy(self, instruction: Instruction) -> None:
        *sources, place = shlex.split(instruction.rest)
        target = self.image.inside(place)
        into_folder = place.endswith("/") or len(sources) > 1
        user, _, group = instruction.flags.get("chown", "0:0").partition(":")
        for source in sources:
            if stage := instruction.flags.get("from"):
                made = self._copy_from(self._stages[stage].inside(source), target)
            else:
                made = self._copy_in(source, target, into_folder=into_folder)
            for path in made:
                os.chown(path, int(user), int(group), follow_symlinks=False)

    def _copy_from(self, source: Path, target: Path) -> list[Path]:
        shutil.copytree(source, target, symlinks=True)
        return [target, *target.rglob("*")]

    def _copy_in(self, source: str, target: Path, *, into_folder: bool) -> list[Path]:
        made = []
        top = self._context.folder / source
        for path in self._context.files(source):
            below = path.relative_to(source) if top.is_dir() else Path(path.name if into_folder else "")
            copied = target / below
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context.folder / path, copied)
            made.append(copied)
        assert made, f"COPY {source}: the context holds no such file"
        return made

    def _run(self, instruction: Instruction) -> None:
        image = self.image
        host = {name: value for name, value in os.environ.items() if HOST_SETTINGS.fullmatch(name)}
        shell = command_in(
            image.root,
            ["/bin/sh", "-c", instruction.rest],
            host | image.environment,
            image.user,
            image.folder,
            confined=False,
        )
        files = [(Path(name), name, "ro") for name in HOST_FILES if (image.root / name.lstrip("/")).exists()]
        with mounted(image.root, [("proc", "/proc", ""), (Path("/dev"), "/dev", ""), *files]):
            subprocess.run(shell, check=True)

    def _user(self, instruction: Instruction) -> None:
        self.image.user = instruction.rest

    def _volume(self, instruction: Instruction) -> None:
        self.image.volumes = json.loads(instruction.rest)

    def _stop_signal(self, instruction: Instruction) -> None:
        self.image.stop_signal = instruction.rest

    def _health(self, instruction: Instruction) -> None:
        self.image.health = json.loads(instruction.rest.removeprefix("CMD "))

    def _entrypoint(self, instruction: Instruction) -> None:
        self.image.entrypoint = json.loads(instruction.rest)


def base_system(reference: str, work: Path) -> Path:
    """Return a Debian root that stands in for ``python:VERSION-slim-RELEASE``; made once."""
    match = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-(\w+)", reference)
    assert match, f"{reference} is not understood"
    version, release = match.groups()
    root = work / f"debian-{release}"
    if not (root / "usr/local/bin/python").is_symlink():
        shutil.rmtree(root, ignore_errors=True)
        call("debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", release, root)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    assert (root / f"usr/bin/python{version}").exists(), f"Debian {release} has no Python {version}"
    return root
