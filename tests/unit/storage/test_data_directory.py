"""What a ledger is bound to: its key ring, and the tenant's keys in it."""

import shutil
from pathlib import Path

import pytest

from pointguard_server.data_directory import DataDirectory
from pointguard_server.storage.keyring import KEY_RING_FILE


def test_a_copy_of_the_ring_that_made_a_tenants_keys_by_itself_is_not_the_ledgers(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "first") as first:
        shutil.copy(tmp_path / "first" / KEY_RING_FILE, tmp_path / "copied before")
        first.bind_tenant(1)
        first.bind_tenant(2)
    shutil.copy(tmp_path / "first" / KEY_RING_FILE, tmp_path / "copied after")
    with DataDirectory(tmp_path / "first") as again:
        again.bind_tenant(1)
    shutil.copy(tmp_path / "copied before", tmp_path / "first" / KEY_RING_FILE)
    with DataDirectory(tmp_path / "first") as other, pytest.raises(ValueError, match="is not the key ring"):
        other.bind_tenant(1)
    shutil.copy(tmp_path / "copied after", tmp_path / "first" / KEY_RING_FILE)
    with DataDirectory(tmp_path / "first") as right:
        right.bind_tenant(2)
