"""API keys: what is issued, what is accepted, what it costs, and what an attacker cannot make it cost."""

import asyncio
import re
import string
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from pointguard_server.domain.errors import Overloaded, Unauthenticated
from pointguard_server.service import credentials
from pointguard_server.service.credentials import (
    ApiKeyRecord,
    Authenticator,
    Principal,
    VerificationFailed,
    argon2_matches,
    issue,
)

# Hashes as weak as Argon2id allows: these tests are about what happens around them.
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
KEY_ID, OTHER_KEY_ID = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
KEY = f"pg_{KEY_ID}_{'k' * 43}"
OTHER_KEY = f"pg_{OTHER_KEY_ID}_{'k' * 43}"
PRINCIPAL = Principal(7, KEY_ID, frozenset({"till"}))


def wrong_key(number: int, key_id: str = KEY_ID) -> str:
    return f"pg_{key_id}_{number:043d}"


class Keys:
    """The table of API keys, the clock, and the count of what was asked of them."""

    def __init__(self) -> None:
        self.records = {
            KEY_ID: ApiKeyRecord(KEY_ID, 7, WEAK.hash(KEY), "till"),
            OTHER_KEY_ID: ApiKeyRecord(OTHER_KEY_ID, 8, WEAK.hash(OTHER_KEY), "till manager"),
        }
        self.now = 1000.0
        self.lookups = 0
        self.verifications = 0
        self.running = 0
        self.running_max = 0
        self.may_look_up = asyncio.Event()
        self.may_look_up.set()
        self.may_verify = threading.Event()
        self.may_verify.set()
        self._counting = threading.Lock()

    def clock(self) -> float:
        return self.now

    async def find(self, key_id: str) -> ApiKeyRecord | None:
        self.lookups += 1
        found = self.records.get(key_id)
        await self.may_look_up.wait()
        return found

    def matches(self, stored_hash: str, raw_key: str) -> bool:
        with self._counting:
            self.verifications += 1
            self.running += 1
            self.running_max = max(self.running_max, self.running)
        assert self.may_verify.wait(timeout=10)
        try:
            return argon2_matches(stored_hash, raw_key)
        finally:
            with self._counting:
                self.running -= 1

    @asynccontextmanager
    async def authenticator(
        self, *, remembered_max: int = 100, at_once_max: int = 2, waiting_max: int = 3
    ) -> AsyncIterator[Authenticator]:
        authenticator = Authenticator(
            self.find,
            clock=self.clock,
            remembered_max=remembered_max,
            at_once_max=at_once_max,
            waiting_max=waiting_max,
            matches=self.matches,
        )
        try:
            yield authenticator
        finally:
            self.may_verify.set()
            authenticator.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (some conditions come about in other threads)
            await asyncio.sleep(0.001)


async def outcome(authenticator: Authenticator, raw_key: str) -> Principal | type[Exception]:
    try:
        return await authenticator.authenticate(raw_key)
    except (Unauthenticated, Overloaded) as error:
        return type(error)


def test_an_issued_key_has_the_documented_shape_and_its_hash_fits() -> None:
    issued = issue()
    assert re.fullmatch(r"pg_[a-z2-7]{12}_[A-Za-z0-9_-]{43}", issued.raw_key)
    assert issued.raw_key.startswith(f"pg_{issued.key_id}_")
    assert argon2_matches(issued.hash, issued.raw_key)
    assert not argon2_matches(issued.hash, issued.raw_key[:-1] + ("A" if issued.raw_key[-1] != "A" else "B"))


def test_issued_keys_differ_and_their_ids_use_the_whole_alphabet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_HASHER", WEAK)
    issued = [issue() for _ in range(300)]
    assert len({key.key_id for key in issued}) == len({key.raw_key[16:] for key in issued}) == 300
    assert {character for key in issued for character in key.key_id} == {*string.ascii_lowercase, *"234567"}


def test_the_hash_uses_argon2id_with_the_recommended_cost() -> None:
    parameters = extract_parameters(issue().hash)
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)


def test_neither_raw_key_nor_hash_shows_in_a_repr() -> None:
    issued = issue()
    shown = repr(issued) + repr(ApiKeyRecord(issued.key_id, 1, issued.hash, "till"))
    assert issued.raw_key not in shown
    assert issued.hash not in shown
    assert issued.key_id in shown


async def test_a_really_issued_key_is_accepted_with_the_defaults() -> None:
    issued = issue()

    async def find(key_id: str) -> ApiKeyRecord | None:
        return ApiKeyRecord(key_id, 7, issued.hash, "till") if key_id == issued.key_id else None

    authenticator = Authenticator(find)
    assert await authenticator.authenticate(issued.raw_key) == Principal(7, issued.key_id, frozenset({"till"}))
    assert authenticator.cached(issued.raw_key) == Principal(7, issued.key_id, frozenset({"till"}))
    authenticator.close()


async def test_a_confirmed_key_is_answered_from_memory_for_60_seconds_and_no_longer() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        assert authenticator.cached(KEY) is None
        assert await authenticator.authenticate(KEY) == PRINCIPAL
        keys.now += 59.999
        assert authenticator.cached(KEY) == await authenticator.authenticate(KEY) == PRINCIPAL
        assert (keys.lookups, keys.verifications) == (1, 1)
        keys.now += 0.001
        assert authenticator.cached(KEY) is None


async def test_after_60_seconds_the_record_is_looked_up_again_but_argon2_does_not_run_again() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        for minute in range(1, 5):
            assert await authenticator.authenticate(KEY) == PRINCIPAL
            assert (keys.lookups, keys.verifications) == (minute, 1)
            keys.now += 60


async def test_a_changed_hash_is_verified_anew() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        await authenticator.authenticate(KEY)
        keys.records[KEY_ID] = ApiKeyRecord(KEY_ID, 7, WEAK.hash("another key"), "till")
        keys.now += 60
        assert await outcome(authenticator, KEY) is Unauthenticated
        assert keys.verifications == 2


async def test_a_key_revoked_elsewhere_is_refused_within_60_seconds() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        await authenticator.authenticate(KEY)
        del keys.records[KEY_ID]
        keys.now += 60
        assert authenticator.cached(KEY) is None
        assert await outcome(authenticator, KEY) is Unauthenticated


async def test_a_forgotten_key_is_refused_at_once_and_others_stay() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        await authenticator.authenticate(KEY)
        await authenticator.authenticate(OTHER_KEY)
        del keys.records[KEY_ID]
        authenticator.forget(KEY_ID)
        assert authenticator.cached(KEY) is None
        assert await outcome(authenticator, KEY) is Unauthenticated
        assert authenticator.cached(OTHER_KEY) == Principal(8, OTHER_KEY_ID, frozenset({"till", "manager"}))


@pytest.mark.parametrize("moment", ["lookup", "verification"])
async def test_a_key_revoked_while_it_is_verified_is_not_accepted(moment: str) -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        if moment == "lookup":
            keys.may_look_up.clear()
        else:
            keys.may_verify.clear()
        call = asyncio.create_task(outcome(authenticator, KEY))
        await until(lambda: keys.lookups == 1 if moment == "lookup" else keys.verifications == 1)
        del keys.records[KEY_ID]
        authenticator.forget(KEY_ID)
        keys.may_look_up.set()
        keys.may_verify.set()
        assert await call is Unauthenticated
        assert authenticator.cached(KEY) is None


async def test_a_role_changed_while_the_key_is_verified_is_the_new_one() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        keys.may_verify.clear()
        call = asyncio.create_task(authenticator.authenticate(KEY))
        await until(lambda: keys.verifications == 1)
        keys.records[KEY_ID] = ApiKeyRecord(KEY_ID, 7, keys.records[KEY_ID].hash, "till manager")
        authenticator.forget(KEY_ID)
        keys.may_verify.set()
        assert (await call).roles == {"till", "manager"}
        assert keys.verifications == 1


MALFORMED = [
    "",
    "pg",
    KEY[:-1],
    KEY + "k",
    KEY + "\n",
    KEY.upper(),
    KEY.replace("pg_", "pq_"),
    KEY.replace("aaaaaaaaaaaa", "aaaaaaaaaaa1"),
    KEY[:-1] + "=",
    KEY[:-1] + "\u00e9",
    KEY[:-1] + "\ud800",
    "k" * 1_000_000,
]


@pytest.mark.parametrize("raw_key", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_key_is_refused_without_a_lookup(raw_key: str) -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        assert authenticator.cached(raw_key) is None
        assert await outcome(authenticator, raw_key) is Unauthenticated
        assert keys.lookups == 0


async def test_malformed_unknown_and_wrong_keys_are_refused_in_the_same_words() -> None:
    keys = Keys()
    texts = set()
    async with keys.authenticator() as authenticator:
        for raw_key in ("nonsense", wrong_key(1, "cccccccccccc"), wrong_key(1), wrong_key(1)):
            with pytest.raises(Unauthenticated) as refused:
                await authenticator.authenticate(raw_key)
            assert refused.value.__cause__ is None
            texts.add(str(refused.value))
    assert len(texts) == 1


async def test_an_unknown_key_id_costs_no_argon2() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        assert await outcome(authenticator, wrong_key(1, "cccccccccccc")) is Unauthenticated
        assert (keys.lookups, keys.verifications) == (1, 0)


async def test_a_key_issued_after_its_first_refusal_is_accepted_at_once() -> None:
    keys = Keys()
    record = keys.records.pop(KEY_ID)
    async with keys.authenticator() as authenticator:
        assert await outcome(authenticator, KEY) is Unauthenticated
        keys.records[KEY_ID] = record
        assert await outcome(authenticator, KEY) == PRINCIPAL


async def test_a_wrong_secret_costs_argon2_once_in_five_seconds() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        for _ in range(10):
            assert await outcome(authenticator, wrong_key(1)) is Unauthenticated
        assert (keys.lookups, keys.verifications) == (1, 1)
        keys.now += 5
        assert await outcome(authenticator, wrong_key(1)) is Unauthenticated
        assert keys.verifications == 2
        assert await outcome(authenticator, KEY) == PRINCIPAL


async def test_calls_with_the_same_key_share_one_verification() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        outcomes = await asyncio.gather(*(outcome(authenticator, KEY) for _ in range(50)))
        assert outcomes == [PRINCIPAL] * 50
        assert (keys.lookups, keys.verifications) == (1, 1)


async def test_a_call_that_is_cancelled_does_not_cancel_the_others() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        keys.may_verify.clear()
        first = asyncio.create_task(outcome(authenticator, KEY))
        second = asyncio.create_task(outcome(authenticator, KEY))
        await until(lambda: keys.verifications == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        keys.may_verify.set()
        assert await second == PRINCIPAL
        assert keys.verifications == 1


async def test_a_refusal_that_nobody_waits_for_any_more_is_no_warning() -> None:
    keys = Keys()
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    async with keys.authenticator() as authenticator:
        keys.may_verify.clear()
        call = asyncio.create_task(outcome(authenticator, wrong_key(1)))
        await until(lambda: keys.verifications == 1)
        call.cancel()
        keys.may_verify.set()
        await until(lambda: not authenticator._flights)
        assert await outcome(authenticator, wrong_key(1)) is Unauthenticated
        assert keys.verifications == 1
    assert reported == []


async def test_never_more_than_the_allowed_number_of_verifications_run_at_once() -> None:
    keys = Keys()
    key_ids = [f"{letter * 12}" for letter in "cdefghij"]
    keys.records |= {key_id: ApiKeyRecord(key_id, 7, WEAK.hash(wrong_key(1, key_id)), "till") for key_id in key_ids}
    async with keys.authenticator(at_once_max=2, waiting_max=6) as authenticator:
        keys.may_verify.clear()
        calls = [asyncio.create_task(outcome(authenticator, wrong_key(1, key_id))) for key_id in key_ids]
        await until(lambda: keys.running == 2)
        await asyncio.sleep(0.02)
        keys.may_verify.set()
        assert await asyncio.gather(*calls) == [Principal(7, key_id, frozenset({"till"})) for key_id in key_ids]
        assert keys.running_max == 2


async def test_beyond_the_queue_a_call_is_shed_at_once_and_told_when_to_retry() -> None:
    keys = Keys()
    key_ids = [f"{letter * 12}" for letter in "cdefgh"]
    keys.records |= {key_id: ApiKeyRecord(key_id, 7, WEAK.hash(wrong_key(1, key_id)), "till") for key_id in key_ids}
    async with keys.authenticator(at_once_max=2, waiting_max=3) as authenticator:
        assert await outcome(authenticator, KEY) == PRINCIPAL
        keys.may_verify.clear()
        calls = [asyncio.create_task(outcome(authenticator, wrong_key(1, key_id))) for key_id in key_ids[:5]]
        await until(lambda: keys.running == 2)
        with pytest.raises(Overloaded) as shed:
            await authenticator.authenticate(wrong_key(1, key_ids[5]))
        assert shed.value.retry_after_s > 0
        keys.now += 60
        # A key that was confirmed before needs no place in the queue.
        assert await outcome(authenticator, KEY) == PRINCIPAL
        keys.may_verify.set()
        assert await asyncio.gather(*calls) == [Principal(7, key_id, frozenset({"till"})) for key_id in key_ids[:5]]
        assert await outcome(authenticator, wrong_key(1, key_ids[5])) == Principal(7, key_ids[5], frozenset({"till"}))


async def test_many_wrong_secrets_for_one_key_do_not_shut_another_key_out() -> None:
    keys = Keys()
    async with keys.authenticator(at_once_max=2, waiting_max=10) as authenticator:
        keys.may_verify.clear()
        attack = [asyncio.create_task(outcome(authenticator, wrong_key(number))) for number in range(50)]
        await until(lambda: keys.running == 2)
        other = asyncio.create_task(outcome(authenticator, OTHER_KEY))
        await until(lambda: keys.lookups == 5)
        keys.may_verify.set()
        assert await other == Principal(8, OTHER_KEY_ID, frozenset({"till", "manager"}))
        outcomes = await asyncio.gather(*attack)
        assert (outcomes.count(Unauthenticated), outcomes.count(Overloaded)) == (4, 46)
        assert keys.lookups == 5
        # Being shed leaves nothing behind: afterwards there is room again.
        assert await outcome(authenticator, KEY) == PRINCIPAL


async def test_calls_that_all_looked_up_at_once_are_shed_as_well() -> None:
    keys = Keys()
    async with keys.authenticator(waiting_max=10) as authenticator:
        keys.may_look_up.clear()
        attack = [asyncio.create_task(outcome(authenticator, wrong_key(number))) for number in range(50)]
        await until(lambda: keys.lookups == 50)
        keys.may_look_up.set()
        outcomes = await asyncio.gather(*attack)
        assert keys.verifications < 50
        assert outcomes.count(Overloaded) == 50 - keys.verifications


async def test_a_key_that_is_in_use_is_not_the_oldest() -> None:
    keys = Keys()
    async with keys.authenticator(remembered_max=2) as authenticator:
        await authenticator.authenticate(KEY)
        await authenticator.authenticate(OTHER_KEY)
        keys.now += 60
        await authenticator.authenticate(KEY)
        keys.records["cccccccccccc"] = ApiKeyRecord("cccccccccccc", 7, WEAK.hash(wrong_key(1, "cccccccccccc")), "till")
        await authenticator.authenticate(wrong_key(1, "cccccccccccc"))
        assert authenticator.cached(KEY) == PRINCIPAL
        assert authenticator.cached(OTHER_KEY) is None


async def test_memory_stays_bounded_and_the_oldest_are_dropped_first() -> None:
    keys = Keys()
    key_ids = [f"{letter * 12}" for letter in "cdefgh"]
    keys.records |= {key_id: ApiKeyRecord(key_id, 7, WEAK.hash(wrong_key(1, key_id)), "till") for key_id in key_ids}
    async with keys.authenticator(remembered_max=3) as authenticator:
        for key_id in key_ids:
            await authenticator.authenticate(wrong_key(1, key_id))
        remembered = [authenticator.cached(wrong_key(1, key_id)) is not None for key_id in key_ids]
        assert remembered == [False, False, False, True, True, True]
        for number in range(2, 8):
            assert await outcome(authenticator, wrong_key(number)) is Unauthenticated
        assert (len(authenticator._verified), len(authenticator._refused_until)) == (3, 3)
        assert not authenticator._flights
        assert not authenticator._verifying


async def test_the_raw_key_is_kept_nowhere() -> None:
    keys = Keys()
    async with keys.authenticator() as authenticator:
        await authenticator.authenticate(KEY)
        await outcome(authenticator, wrong_key(1))
        state = repr({name: value for name, value in vars(authenticator).items() if isinstance(value, dict)})
        assert KEY_ID in state
        assert "k" * 43 not in state
        assert wrong_key(1)[16:] not in state


async def test_two_processes_do_not_share_fingerprints() -> None:
    async def find(key_id: str) -> ApiKeyRecord | None:
        return None

    one, other = Authenticator(find), Authenticator(find)
    assert one._fingerprint(KEY) != other._fingerprint(KEY)
    assert one._fingerprint(KEY) == one._fingerprint(KEY) != one._fingerprint(OTHER_KEY)
    one.close()
    other.close()


async def test_a_lookup_that_fails_refuses_nobody_for_good() -> None:
    keys = Keys()
    failing = True

    async def find(key_id: str) -> ApiKeyRecord | None:
        if failing:
            raise ConnectionError
        return await keys.find(key_id)

    authenticator = Authenticator(find, matches=keys.matches)
    with pytest.raises(ConnectionError):
        await authenticator.authenticate(KEY)
    failing = False
    assert await authenticator.authenticate(KEY) == PRINCIPAL
    authenticator.close()


@pytest.mark.parametrize("stored_hash", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "\u00e9"])
async def test_a_stored_hash_that_cannot_be_read_is_not_taken_for_a_wrong_key(stored_hash: str) -> None:
    keys = Keys()
    keys.records[KEY_ID] = ApiKeyRecord(KEY_ID, 7, stored_hash, "till")
    async with keys.authenticator() as authenticator:
        with pytest.raises(VerificationFailed) as failed:
            await authenticator.authenticate(KEY)
        assert "k" * 43 not in str(failed.value)
        keys.records[KEY_ID] = ApiKeyRecord(KEY_ID, 7, WEAK.hash(KEY), "till")
        assert await authenticator.authenticate(KEY) == PRINCIPAL
