"""What can be done with a data directory while no server runs on it. For ``__main__``.

Neither the engine nor the rules are needed, so nothing here imports them: a command takes less than a second.
"""

import json
import time
from collections.abc import Iterator

from pointguard_server.data_directory import DataDirectory
from pointguard_server.sandbox import data as sandbox_data
from pointguard_server.service.credentials import issue
from pointguard_server.service.program_config import load_program_config
from pointguard_server.settings import Settings
from pointguard_server.storage.publications import Publications


def issue_key(settings: Settings, roles: str) -> str:
    """Make an API key of the settings' tenant, which is made if it is new; only the key's Argon2id hash is kept.

    Raises:
        DirectoryInUse, DatabaseInUse: a server uses it.
        OSError, ProgramConfigError: the program's configuration, which names a new tenant, cannot be read.
    """
    issued, now = issue(), time.time_ns() // 1000
    name = _program_name(settings)
    with DataDirectory(settings.data_directory, settings.database) as directory, directory.writing() as connection:
        tenant_id = directory.names.tenant(connection, settings.tenant, name, now)
        # From here on the key ring is whole: a copy of it serves on another machine.
        directory.bind_tenant(tenant_id)
        directory.names.add_api_key(connection, issued.key_id, tenant_id, roles, issued.hash, now)
    return issued.raw_key


def tend_dead_letters(settings: Settings) -> Iterator[str]:
    """Yield each dead letter as a line of JSON; with ``requeue`` all are published again at the next start.

    Raises:
        DirectoryInUse, DatabaseInUse: a server uses it.
    """
    publications = Publications()
    with DataDirectory(settings.data_directory, settings.database) as directory:
        connection = directory.connection
        row = connection.execute("SELECT tenant_id FROM tenants WHERE code = ?", (settings.tenant,)).fetchone()
        tenant_id = row[0] if row is not None else 0
        if settings.dead_letters == "requeue":
            publications.requeue(connection, tenant_id)
        for letter in publications.dead_letters(connection, tenant_id):
            yield json.dumps(letter._asdict())


def _program_name(settings: Settings) -> str:
    if settings.program is None:
        return load_program_config(sandbox_data.read_text("program.toml"), "program.toml").name
    return load_program_config(settings.program.read_text(encoding="utf-8"), str(settings.program)).name
