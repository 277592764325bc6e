"""A service of the compose file, run from a built image the way that the compose file asks for."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image.root import Image, command_in, copy_tree, mounted

Mount = tuple[Path | str, str, str]
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]*\}")
END_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service's process and the ways to reach into its container."""

    process: subprocess.Popen[bytes]
    image: Image
    environment: Mapping[str, str]
    log: Path

    def run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run another command in the same container, as the same user."""
        command = command_in(
            self.image.root, arguments, self.environment, self.image.user, self.image.folder, confined=True
        )
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=END_SECONDS_MAX)

    def await_health(self, seconds_max: float) -> float:
        """Ask the image's health check until it is content; return how long that took from now, in seconds."""
        started = time.monotonic()
        while self.run(self.image.health).returncode != 0:
            assert self.process.poll() is None, f"the service ended:\n{self.log.read_text()}"
            assert time.monotonic() < started + seconds_max, f"not healthy in time:\n{self.log.read_text()}"
        return time.monotonic() - started

    def events(self) -> list[dict[str, Any]]:
        """What the service has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        """Send the image's stop signal and return the exit status."""
        self.process.send_signal(signal.Signals[self.image.stop_signal])
        return self.process.wait(END_SECONDS_MAX)


def laid_over(service: Mapping[str, Any], overlay: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return a service with a second compose file's laid over it: volumes by their place, settings by their name."""

    def filled(text: str) -> str:
        return REQUIRED.sub(lambda match: variables[match[1]], text)

    volumes = {volume.split(":")[1]: volume for volume in [*service["volumes"], *map(filled, overlay["volumes"])]}
    environment = {name: filled(value) for name, value in overlay["environment"].items()}
    return {
        **service,
        **overlay,
        "volumes": list(volumes.values()),
        "environment": service["environment"] | environment,
    }


@contextmanager
def running(image: Image, service: Mapping[str, Any], volumes: Path, beside: Path) -> Iterator[Running]:
    """Start a service; ``volumes`` is where its named volumes lie, ``beside`` the compose file's folder."""
    for promised in ("read_only", "cap_drop", "security_opt"):
        assert service.get(promised), f"the rehearsal always confines, the service does not ask for {promised}"
    environment = image.environment | service.get("environment", {})
    arguments = [*(service.get("entrypoint") or image.entrypoint), *service.get("command", [])]
    command = command_in(image.root, arguments, environment, image.user, image.folder, confined=True)
    volumes.mkdir(exist_ok=True)
    log = volumes / "service.log"
    with mounted(image.root, list(_mounts(image, service, volumes, beside))), log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield Running(process, image, environment, log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _mounts(image: Image, service: Mapping[str, Any], volumes: Path, beside: Path) -> Iterator[Mount]:
    """Everything that the service sees mounted; the root goes first, over itself."""
    laid = []
    for volume in service.get("volumes", []):
        source, place, *mode = volume.split(":")
        laid.append((beside / source if source[0] in "./" else _volume(image, volumes / source, place), place, *mode))
    anonymous = [place for place in image.volumes if place not in {place for _, place, *_ in laid}]
    laid += [(_volume(image, volumes / place.strip("/").replace("/", "-"), place), place) for place in anonymous]
    for source, place, *_ in laid:
        # An engine makes the places that are missing.
        if source.is_file():
            image.inside(place).touch()
        else:
            image.inside(place).mkdir(parents=True, exist_ok=True)
    yield image.root, "/", "ro"
    yield "proc", "/proc", ""
    yield Path("/dev"), "/dev", ""
    for memory in service.get("tmpfs", []):
        place, _, options = memory.partition(":")
        yield "tmpfs", place, options
    for source, place, *mode in laid:
        yield source, place, *(mode or [""])


def _volume(image: Image, folder: Path, place: str) -> Path:
    """A named volume: what the image has at its place, the first time."""
    if not folder.exists():
        copy_tree(image.inside(place), folder)
    return folder
