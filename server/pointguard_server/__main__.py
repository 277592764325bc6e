"""``python -m pointguard_server``: start here. Reads the settings, runs the server, drains on Ctrl-C and SIGTERM."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Sequence

import uvloop

from pointguard_server.domain.errors import PointguardError
from pointguard_server.rules.errors import RulesError
from pointguard_server.service import garbage, logs
from pointguard_server.settings import Settings, SettingsError, read_settings
from pointguard_server.storage.keyring import KeyRingError

SWITCH_INTERVAL_S = 0.0005


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the server until it is told to stop; the process's exit status says how it ended."""
    try:
        settings, roles = read_settings(sys.argv[1:] if arguments is None else arguments)
    except SettingsError as error:
        sys.exit(f"pointguard-server: {error}")
    logs.configure(settings.log_level)
    # Read when the kernels are imported, which is why that happens late.
    os.environ["POINTGUARD_CACHE_DIR"] = str(settings.cache_directory)
    # gRPC speaks of every child process otherwise, such as that of --on-ready.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # The writer's thread and the event loop share the interpreter: with the default of 5 ms, each statement of a commit
    # could wait that long for its turn.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if settings.program is not None:
        # "Look at the program's files" is what this asks for once the server is ready. Before, they are about to be
        # looked at anyway, and the signal's own meaning would end the process.
        signal.signal(signal.SIGHUP, _wait_until_ready)
    try:
        if roles or settings.dead_letters:
            _tend_offline(settings, roles)
            return
        _end(uvloop.run(_serve(settings)))
    except (PointguardError, KeyRingError, RulesError, OSError, ValueError) as error:
        sys.exit(f"pointguard-server: {error}")


def _end(status: int) -> None:
    """End the process; where something is broken without what Python closes on its way out."""
    if not status:
        sys.exit()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _wait_until_ready(_number: int, _frame: object) -> None:
    """Do nothing; a signal that is ignored would be ignored by child processes too."""


async def _serve(settings: Settings) -> int:
    with garbage.left_alone():
        from pointguard_server.bootstrap import Server

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_loop_error)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = Server(settings)
    if settings.compile_kernels:
        await server.open()
        await server.close()
        return 0
    await server.show()
    await server.open()
    garbage.spare_what_lives()
    await server.start()
    on_ready = asyncio.create_task(_run_on_ready(settings, server.grpc_port)) if settings.on_ready else None
    waits = [asyncio.create_task(ended.wait()), asyncio.create_task(server.failed.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if on_ready is not None:
        on_ready.cancel()
        await asyncio.gather(on_ready, return_exceptions=True)
    await server.stop()
    return 1 if server.failed.is_set() else 0


async def _run_on_ready(settings: Settings, grpc_port: int) -> None:
    """Run the command that the settings name; it is ended with the server."""
    environment = os.environ | {
        "POINTGUARD_ADDRESS": f"127.0.0.1:{grpc_port}",
        "POINTGUARD_DATA_DIR": str(settings.data_directory),
    }
    process = await asyncio.create_subprocess_exec(*shlex.split(settings.on_ready), env=environment)
    try:
        await process.wait()
        print(f"\nserving on 127.0.0.1:{grpc_port} until Ctrl-C", file=sys.stderr, flush=True)  # noqa: T201
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        raise


def _tend_offline(settings: Settings, roles: str) -> None:
    """Do what is done without a server, and print what it gives."""
    from pointguard_server import offline

    if roles:
        print(offline.issue_key(settings, roles))  # noqa: T201
        return
    for line in offline.tend_dead_letters(settings):
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
