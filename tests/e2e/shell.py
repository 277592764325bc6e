"""Runs the client's command line against a real server, each command in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from tests.support.server import ROOT, ServerProcess, server_environment


class Shell:
    """Runs ``pointguard-client``; it finds the server by its environment and the API key by itself."""

    def __init__(self, server: ServerProcess) -> None:
        self._environment = server_environment(
            {"POINTGUARD_ADDRESS": server.address, "POINTGUARD_DATA_DIR": str(server.data_directory)}
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pointguard_client", *arguments],
            env=self._environment | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)
