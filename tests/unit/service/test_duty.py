"""Who sweeps and publishes, of servers that share a ledger."""

import pytest

from pointguard_server.domain.errors import StorageUnavailable
from pointguard_server.service.duty import Duty


class Lock:
    """A lock that nobody else wants."""

    def __init__(self) -> None:
        self.is_taken = False

    def take(self) -> bool:
        self.is_taken = True
        return True

    def close(self) -> None:
        self.is_taken = False


class Work:
    """What is done on duty: two things, of which the second may fail to begin."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.under_way: list[str] = []

    async def begin(self) -> None:
        self.under_way.append("one")
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable
        self.under_way.append("other")

    async def end(self) -> None:
        self.under_way.clear()


async def test_what_could_not_begin_as_a_whole_is_ended_and_left_to_others_until_the_next_look() -> None:
    lock, work = Lock(), Work(failures=2)
    duty = Duty(lock, work.begin, work.end)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await duty.look()
        assert (work.under_way, lock.is_taken, duty.is_ours) == ([], False, False)
    for _ in range(2):
        await duty.look()
        assert (work.under_way, lock.is_taken, duty.is_ours) == (["one", "other"], True, True)
    await duty.stop()
    assert (work.under_way, lock.is_taken, duty.is_ours) == ([], False, False)


async def test_a_server_that_cannot_decide_leaves_duty_to_others_until_it_can() -> None:
    lock, work, able = Lock(), Work(), [True]
    duty = Duty(lock, work.begin, work.end, lambda: able[0])
    for able[0] in (True, False, False, True):
        await duty.look()
        assert (lock.is_taken, duty.is_ours, bool(work.under_way)) == (able[0],) * 3
    await duty.stop()
