"""The key ring file: what it keeps, what it refuses, and that nothing ever replaces it silently."""

import base64
import json
import multiprocessing
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointguard_server.service.vault import DataKeyUnreadable
from pointguard_server.storage.keyring import (
    KEY_RING_FILE,
    WRAPPED_KEY_BYTES,
    KeyRing,
    KeyRingBroken,
    KeyRingError,
    KeyRingExposed,
)

DATA_KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / KEY_RING_FILE


def test_a_new_ring_is_a_file_that_only_its_user_can_read(path: Path) -> None:
    previous = os.umask(0)
    try:
        KeyRing.open_or_create(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == [KEY_RING_FILE, KEY_RING_FILE + ".lock"]
    assert all(stat.S_IMODE(entry.stat().st_mode) == 0o600 for entry in path.parent.iterdir())


def test_keys_made_on_first_use_are_there_after_a_restart(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    keys = ring.tenant_keys(7)
    reopened = KeyRing.open_or_create(path)
    assert reopened.ring_id == ring.ring_id
    assert reopened.tenant_keys(7) == keys


def test_no_two_keys_of_any_two_tenants_are_alike(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    keys = [
        key
        for tenant_id in (1, 2)
        for key in (ring.tenant_keys(tenant_id).active.key, ring.blind_index_key(tenant_id), ring.digest_key(tenant_id))
    ]
    assert len(set(keys)) == 6
    assert {len(key) for key in keys} == {32}


def test_keys_do_not_show_in_a_repr(path: Path) -> None:
    keys = KeyRing.open_or_create(path).tenant_keys(1)
    shown = repr(keys)
    for key in (keys.active.key, keys.blind_index_key, keys.digest_key):
        assert repr(key) not in shown


def test_a_wrapped_data_key_opens_after_rotations_and_a_restart(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    before = ring.wrap(1, DATA_KEY)
    assert ring.rotate(1) == 2
    assert ring.rotate(1) == 3
    after = ring.wrap(1, DATA_KEY)
    assert len(before) == len(after) == WRAPPED_KEY_BYTES
    assert (before[1:5], after[1:5]) == (b"\0\0\0\x01", b"\0\0\0\x03")
    for opened in (ring, KeyRing.open_or_create(path)):
        assert opened.unwrap(1, before) == opened.unwrap(1, after) == DATA_KEY


def test_a_rotation_leaves_the_blind_index_and_digest_keys_alone(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    before = ring.tenant_keys(1)
    ring.rotate(1)
    after = ring.tenant_keys(1)
    assert (after.blind_index_key, after.digest_key) == (before.blind_index_key, before.digest_key)
    assert after.active.key != before.active.key


def test_a_wrapped_data_key_opens_for_its_own_tenant_only(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    wrapped = ring.wrap(1, DATA_KEY)
    ring.tenant_keys(2)
    with pytest.raises(DataKeyUnreadable):
        ring.unwrap(2, wrapped)


@pytest.mark.parametrize("position", range(WRAPPED_KEY_BYTES))
def test_a_wrapped_data_key_with_any_byte_changed_does_not_open(path: Path, position: int) -> None:
    ring = KeyRing.open_or_create(path)
    ring.rotate(1)
    ring.rotate(1)
    wrapped = bytearray(ring.wrap(1, DATA_KEY))
    wrapped[position] ^= 1
    with pytest.raises(DataKeyUnreadable):
        ring.unwrap(1, bytes(wrapped))


@pytest.mark.parametrize("length", [0, 1, 5, 17, WRAPPED_KEY_BYTES - 1, WRAPPED_KEY_BYTES + 1])
def test_a_wrapped_data_key_of_another_length_does_not_open(path: Path, length: int) -> None:
    ring = KeyRing.open_or_create(path)
    with pytest.raises(DataKeyUnreadable):
        ring.unwrap(1, (ring.wrap(1, DATA_KEY) + b"\0")[:length])


def test_only_whole_data_keys_are_wrapped(path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing.open_or_create(path).wrap(1, b"short")


def test_two_processes_over_one_file_see_each_others_keys(path: Path) -> None:
    first, second = KeyRing.open_or_create(path), KeyRing.open_or_create(path)
    keys = first.tenant_keys(1)
    assert second.tenant_keys(1) == keys
    second.tenant_keys(2)
    first.rotate(1)
    assert second.unwrap(1, first.wrap(1, DATA_KEY)) == DATA_KEY
    third = KeyRing.open_or_create(path)
    assert third.tenant_keys(2) == second.tenant_keys(2)
    assert third.tenant_keys(1).active_version == 2


def _wrap_for_tenants(path: Path, results: Any) -> None:
    ring = KeyRing.open_or_create(path)
    results.put([ring.wrap(tenant_id, DATA_KEY) for tenant_id in range(8)])


def test_processes_that_make_the_same_tenants_at_once_lose_no_keys(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_wrap_for_tenants, args=(path, results)) for _ in range(2)]
    for process in processes:
        process.start()
    wrapped = [results.get(timeout=20) for _ in processes]
    for process in processes:
        process.join(timeout=20)
    ring = KeyRing.open_or_create(path)
    for of_one_process in wrapped:
        assert [ring.unwrap(tenant_id, key) for tenant_id, key in enumerate(of_one_process)] == [DATA_KEY] * 8


def test_threads_that_ask_for_one_new_tenant_get_the_same_keys(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    barrier = threading.Barrier(8)
    seen: list[object] = []

    def ask() -> None:
        barrier.wait(timeout=10)
        seen.append(ring.tenant_keys(1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(seen) == 8
    assert all(keys == seen[0] for keys in seen)


def _changed(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        fields = json.loads(content)
        change(fields)
        return json.dumps(fields).encode()

    return apply


BREAKAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "torn": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "not JSON": lambda content: b"key ring",
    "another JSON": lambda content: b"[]",
    "deeply nested": lambda content: b"[" * 200_000,
    "a later format": _changed(lambda fields: fields.update(format=2)),
    "no checksum": _changed(lambda fields: fields.pop("checksum")),
    "a tenant is missing": _changed(lambda fields: fields["tenants"].pop("1")),
    "another active version": _changed(lambda fields: fields["tenants"]["1"].update(active_version=9)),
    "another key": _changed(
        lambda fields: fields["tenants"]["1"].update(digest_key=base64.b64encode(bytes(32)).decode())
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_file_is_refused_and_left_as_it_is(path: Path, breakage: str) -> None:
    ring = KeyRing.open_or_create(path)
    ring.tenant_keys(1)
    broken = BREAKAGES[breakage](path.read_bytes())
    path.write_bytes(broken)
    with pytest.raises(KeyRingBroken) as refused:
        KeyRing.open_or_create(path)
    with pytest.raises(KeyRingBroken):
        ring.tenant_keys(2)
    assert path.read_bytes() == broken
    assert refused.value.__cause__ is None
    assert str(path) in str(refused.value)


def test_any_single_changed_byte_is_noticed(path: Path) -> None:
    keys = KeyRing.open_or_create(path).tenant_keys(1)
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 0x01
        path.write_bytes(changed)
        try:
            opened = KeyRing.open_or_create(path)
        except KeyRingBroken:
            continue
        # Only white space may differ unnoticed.
        assert opened.tenant_keys(1) == keys


def test_a_ring_that_disappears_while_in_use_is_not_made_anew(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    path.unlink()
    with pytest.raises(KeyRingBroken, match="disappeared"):
        ring.tenant_keys(1)
    assert not path.exists()


def test_an_older_copy_put_back_while_in_use_is_not_written_over(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    older = path.read_bytes()
    ring.tenant_keys(1)
    path.write_bytes(older)
    with pytest.raises(KeyRingBroken, match="lacks keys"):
        ring.tenant_keys(2)
    with pytest.raises(KeyRingBroken, match="lacks keys"):
        ring.rotate(1)
    assert path.read_bytes() == older


def test_another_ring_put_in_its_place_while_in_use_is_refused(path: Path, tmp_path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    other = tmp_path / "other.json"
    KeyRing.open_or_create(other)
    other.replace(path)
    with pytest.raises(KeyRingBroken):
        ring.tenant_keys(1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    KeyRing.open_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyRingExposed, match="0600"):
        KeyRing.open_or_create(path)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_directory_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    path.parent.chmod(mode)
    with pytest.raises(KeyRingExposed, match="0700"):
        KeyRing.open_or_create(path)
    path.parent.chmod(0o700)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("owned", ["file", "directory"])
def test_a_file_or_directory_of_another_user_is_refused(
    path: Path, owned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    KeyRing.open_or_create(path)
    if os.geteuid() == 0:
        os.chown(path if owned == "file" else path.parent, 12345, -1)
    else:
        other = os.geteuid() + 1
        calls = iter([os.geteuid() if owned == "file" else other, other])
        monkeypatch.setattr(os, "geteuid", lambda: next(calls))
    with pytest.raises(KeyRingExposed, match="another user"):
        KeyRing.open_or_create(path)


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    KeyRing.open_or_create(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(KeyRingError):
        KeyRing.open_or_create(path)


def test_a_named_pipe_is_refused_without_waiting(path: Path) -> None:
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyRingBroken, match="plain file"):
        KeyRing.open_or_create(path)


def test_a_missing_directory_is_a_clear_error(path: Path) -> None:
    with pytest.raises(KeyRingError, match="No such file or directory"):
        KeyRing.open_or_create(path.parent / "absent" / KEY_RING_FILE)


def test_what_a_crash_left_behind_is_cleared_away(path: Path) -> None:
    ring = KeyRing.open_or_create(path)
    left_behind = path.with_name(path.name + ".new")
    left_behind.write_bytes(b"half a ring")
    keys = ring.tenant_keys(1)
    assert not left_behind.exists()
    assert KeyRing.open_or_create(path).tenant_keys(1) == keys


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_ring_and_makes_no_keys(
    path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing.open_or_create(path)
    before = path.read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os if failing == "fsync" else Path, failing, fail)
        with pytest.raises(KeyRingError, match="No space left"):
            ring.tenant_keys(1)
    assert path.read_bytes() == before
    assert not path.with_name(path.name + ".new").exists()
    assert ring.tenant_keys(1) == KeyRing.open_or_create(path).tenant_keys(1)
