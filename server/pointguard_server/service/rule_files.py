"""Writes long files of sets so that no batch waits for more than a piece of one. For those who make versions."""

import asyncio
from functools import partial
from time import perf_counter

from pointguard_server.engine.engine import Engine
from pointguard_server.service.ports import RuleVersions
from pointguard_server.service.rule_versions import PIECE_BYTES, SetFiles, pieces_of


async def keep_long_files(engine: Engine, versions: RuleVersions, tenant_id: int, files: SetFiles) -> None:
    """Keep files that are longer than one piece in steps of one; batches get as long between as a step takes.

    Whatever becomes of the version that is to name them: they are of no harm. It writes what is missing by itself.

    Raises:
        PointguardError: if the ledger cannot be written.
    """
    for texts in files.values():
        for piece in pieces_of(texts) if len(texts.lines) > PIECE_BYTES else ():
            started = perf_counter()
            await engine.run(partial(versions.add_piece, tenant_id=tenant_id, piece=piece))
            await asyncio.sleep(perf_counter() - started)
