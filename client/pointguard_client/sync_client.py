"""The synchronous client: the calls of `PointguardClient` for programs without an event loop. Anyone may use it.

    with SyncPointguardClient.connect() as client:
        quote = client.quote_redemption(Identifier.loyalty_id("1001"))

It runs the asynchronous client on a thread of its own, so that retries, deadlines, hedging and streams are the same.
Several threads may share one client.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, overload

from pointguard_client import requests, results
from pointguard_client.activity_client import ActivityClient
from pointguard_client.books_client import BooksClient
from pointguard_client.client import PointguardClient
from pointguard_client.configuration_client import ConfigurationClient
from pointguard_client.experiment_client import ExperimentClient
from pointguard_client.fraud_client import FraudClient
from pointguard_client.fraud_values import AdviceNotice
from pointguard_client.offline_client import OfflineClient
from pointguard_client.rule_client import RuleClient
from pointguard_client.shadow_client import ShadowClient
from pointguard_client.stream import IN_FLIGHT_MAX, SILENCE_SECONDS_MAX, TransactionStream
from pointguard_client.words import AdviceContext, AdvicePosture

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class _LoopThread:
    """An event loop on a thread of its own, and the way in from other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._gate = threading.Lock()
        # A daemon: a client that nobody closes must not keep its program from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name="pointguard-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine on the loop and return its result; whatever interrupts the waiting cancels it."""
        with self._gate:
            if not self._open:
                work.close()
                raise ValueError("the client is closed")
            ending = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return ending.result()
        except BaseException:
            ending.cancel()
            raise

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a last coroutine, cancel what is under way, and end the thread; does nothing the second time."""
        with self._gate:
            if not self._open:
                return
            self._open = False
            ending = asyncio.run_coroutine_threadsafe(self._end(last()), self._loop)
        ending.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _end(last: Coroutine[Any, Any, None]) -> None:
        await last
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _blocking(
    method: Callable[Concatenate[PointguardClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncPointguardClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncPointguardClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


def _connecting(
    connect: Callable[Parameters, PointguardClient],
) -> Callable[Concatenate[type["SyncPointguardClient"], Parameters], "SyncPointguardClient"]:
    """Return the class method that takes the arguments of the asynchronous client's."""

    def connected(
        cls: type["SyncPointguardClient"], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> "SyncPointguardClient":
        return cls(lambda: connect(*args, **kwargs))

    connected.__doc__ = connect.__doc__
    return connected


def _blocking_rules(
    method: Callable[Concatenate[RuleClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncRuleClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncRuleClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncRuleClient:
    """The calls of `RuleClient`, each of which waits for its answer. Reached as `SyncPointguardClient.rules`."""

    def __init__(self, thread: _LoopThread, client: RuleClient) -> None:
        self._thread = thread
        self._client = client

    validate = _blocking_rules(RuleClient.validate)
    format = _blocking_rules(RuleClient.format)
    create_version = _blocking_rules(RuleClient.create_version)
    get_version = _blocking_rules(RuleClient.get_version)
    list_versions = _blocking_rules(RuleClient.list_versions)
    diff_versions = _blocking_rules(RuleClient.diff_versions)
    activate_version = _blocking_rules(RuleClient.activate_version)
    roll_back = _blocking_rules(RuleClient.roll_back)
    backtest = _blocking_rules(RuleClient.backtest)
    list_activations = _blocking_rules(RuleClient.list_activations)
    simulate = _blocking_rules(RuleClient.simulate)


def _blocking_configuration(
    method: Callable[Concatenate[ConfigurationClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncConfigurationClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncConfigurationClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncConfigurationClient:
    """The calls of `ConfigurationClient`, each of which waits for its answer: `SyncPointguardClient.configuration`."""

    def __init__(self, thread: _LoopThread, client: ConfigurationClient) -> None:
        self._thread = thread
        self._client = client

    validate = _blocking_configuration(ConfigurationClient.validate)
    create_version = _blocking_configuration(ConfigurationClient.create_version)
    get_version = _blocking_configuration(ConfigurationClient.get_version)
    list_versions = _blocking_configuration(ConfigurationClient.list_versions)
    diff_versions = _blocking_configuration(ConfigurationClient.diff_versions)
    activate_version = _blocking_configuration(ConfigurationClient.activate_version)
    roll_back = _blocking_configuration(ConfigurationClient.roll_back)
    list_activations = _blocking_configuration(ConfigurationClient.list_activations)


def _blocking_experiments(
    method: Callable[Concatenate[ExperimentClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncExperimentClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncExperimentClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncExperimentClient:
    """The calls of `ExperimentClient`, each of which waits for its answer: `SyncPointguardClient.experiments`."""

    def __init__(self, thread: _LoopThread, client: ExperimentClient) -> None:
        self._thread = thread
        self._client = client

    create = _blocking_experiments(ExperimentClient.create)
    start = _blocking_experiments(ExperimentClient.start)
    end = _blocking_experiments(ExperimentClient.end)
    promote = _blocking_experiments(ExperimentClient.promote)
    list = _blocking_experiments(ExperimentClient.list)
    get = _blocking_experiments(ExperimentClient.get)


def _blocking_shadows(
    method: Callable[Concatenate[ShadowClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncShadowClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncShadowClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncShadowClient:
    """The calls of `ShadowClient`, each of which waits for its answer: `SyncPointguardClient.shadows`."""

    def __init__(self, thread: _LoopThread, client: ShadowClient) -> None:
        self._thread = thread
        self._client = client

    start = _blocking_shadows(ShadowClient.start)
    stop = _blocking_shadows(ShadowClient.stop)
    get = _blocking_shadows(ShadowClient.get)


def _blocking_fraud(
    method: Callable[Concatenate[FraudClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncFraudClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncFraudClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncFraudClient:
    """The calls of `FraudClient`, each of which waits for its answer: `SyncPointguardClient.fraud`."""

    def __init__(self, thread: _LoopThread, client: FraudClient) -> None:
        self._thread = thread
        self._client = client

    list_advice = _blocking_fraud(FraudClient.list_advice)
    raise_advice = _blocking_fraud(FraudClient.raise_advice)
    override_advice = _blocking_fraud(FraudClient.override_advice)
    remove_advice = _blocking_fraud(FraudClient.remove_advice)
    list_cases = _blocking_fraud(FraudClient.list_cases)
    add_exemption = _blocking_fraud(FraudClient.add_exemption)
    end_exemption = _blocking_fraud(FraudClient.end_exemption)
    list_exemptions = _blocking_fraud(FraudClient.list_exemptions)
    stop_redemptions = _blocking_fraud(FraudClient.stop_redemptions)
    release_redemptions = _blocking_fraud(FraudClient.release_redemptions)
    list_redemption_stops = _blocking_fraud(FraudClient.list_redemption_stops)
    resolve_case = _blocking_fraud(FraudClient.resolve_case)
    add_to_group = _blocking_fraud(FraudClient.add_to_group)
    remove_from_group = _blocking_fraud(FraudClient.remove_from_group)
    list_group_members = _blocking_fraud(FraudClient.list_group_members)
    set_account_status = _blocking_fraud(FraudClient.set_account_status)

    def watch(
        self,
        after_position: int | None = None,
        *,
        context: AdviceContext = AdviceContext.UNSPECIFIED,
        posture_min: AdvicePosture = AdvicePosture.UNSPECIFIED,
        follow: bool = True,
    ) -> Generator[AdviceNotice]:
        """Yield what `FraudClient.watch` does, waiting for each; closing the generator ends it."""
        notices = self._client.watch(after_position, context=context, posture_min=posture_min, follow=follow)
        try:
            while (notice := self._thread.run(_next(notices))) is not None:
                yield notice
        finally:
            # A client that was closed has ended it already.
            with suppress(ValueError):
                self._thread.run(notices.aclose())


def _blocking_activity(
    method: Callable[Concatenate[ActivityClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncActivityClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncActivityClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncActivityClient:
    """The calls of `ActivityClient`, each of which waits for its answer: `SyncPointguardClient.activity`."""

    def __init__(self, thread: _LoopThread, client: ActivityClient) -> None:
        self._thread = thread
        self._client = client

    record = _blocking_activity(ActivityClient.record)
    record_all = _blocking_activity(ActivityClient.record_all)
    stream = _blocking_activity(ActivityClient.stream)


def _blocking_books(
    method: Callable[Concatenate[BooksClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncBooksClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncBooksClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncBooksClient:
    """The calls of `BooksClient`, each of which waits for its answer: `SyncPointguardClient.books`."""

    def __init__(self, thread: _LoopThread, client: BooksClient) -> None:
        self._thread = thread
        self._client = client

    liability = _blocking_books(BooksClient.liability)
    reconcile_day = _blocking_books(BooksClient.reconcile_day)


def _blocking_offline(
    method: Callable[Concatenate[OfflineClient, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["SyncOfflineClient", Parameters], Answer]:
    """Return the method that waits for the asynchronous one."""

    @wraps(method)
    def call(self: "SyncOfflineClient", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return self._thread.run(method(self._client, *args, **kwargs))

    return call


class SyncOfflineClient:
    """The calls of `OfflineClient`, each of which waits for its answer: `SyncPointguardClient.offline`."""

    def __init__(self, thread: _LoopThread, client: OfflineClient) -> None:
        self._thread = thread
        self._client = client

    issue_allowance = _blocking_offline(OfflineClient.issue_allowance)
    keys = _blocking_offline(OfflineClient.keys)
    rotate_key = _blocking_offline(OfflineClient.rotate_key)
    upload = _blocking_offline(OfflineClient.upload)
    send = _blocking_offline(OfflineClient.send)
    discrepancies = _blocking_offline(OfflineClient.discrepancies)

    def upload_from(self, upload: Callable[[OfflineClient], Coroutine[Any, Any, Answer]]) -> Answer:
        """Have a terminal upload what waits: `client.offline.upload_from(terminal.upload)`."""
        return self._thread.run(upload(self._client))


class SyncPointguardClient:
    """A connection to a pointguard server; safe to share between threads.

    The methods are those of `PointguardClient`, with the same arguments, results and errors; each waits for its answer.
    """

    def __init__(self, connect: Callable[[], PointguardClient]) -> None:
        self._thread = _LoopThread()
        try:
            self._client = self._thread.run(_call(connect))
        except BaseException:
            self._thread.close(_nothing)
            raise
        self.rules = SyncRuleClient(self._thread, self._client.rules)
        self.experiments = SyncExperimentClient(self._thread, self._client.experiments)
        self.shadows = SyncShadowClient(self._thread, self._client.shadows)
        self.configuration = SyncConfigurationClient(self._thread, self._client.configuration)
        self.fraud = SyncFraudClient(self._thread, self._client.fraud)
        self.activity = SyncActivityClient(self._thread, self._client.activity)
        self.books = SyncBooksClient(self._thread, self._client.books)
        self.offline = SyncOfflineClient(self._thread, self._client.offline)

    connect = classmethod(_connecting(PointguardClient.connect))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self, grace_seconds: float | None = None) -> None:
        """Close the connection; calls under way are cancelled, after `grace_seconds` if that is given."""
        self._thread.close(lambda: self._client.close(grace_seconds))

    quote_redemption = _blocking(PointguardClient.quote_redemption)
    authorise_redemption = _blocking(PointguardClient.authorise_redemption)
    capture_redemption = _blocking(PointguardClient.capture_redemption)
    extend_reservation = _blocking(PointguardClient.extend_reservation)
    void_redemption = _blocking(PointguardClient.void_redemption)
    accrue = _blocking(PointguardClient.accrue)
    return_transaction = _blocking(PointguardClient.return_transaction)
    transfer_points = _blocking(PointguardClient.transfer_points)
    redeem_household = _blocking(PointguardClient.redeem_household)
    convert_points = _blocking(PointguardClient.convert_points)
    adjust_points = _blocking(PointguardClient.adjust_points)
    get_transaction = _blocking(PointguardClient.get_transaction)
    explain_decision = _blocking(PointguardClient.explain_decision)
    get_balance = _blocking(PointguardClient.get_balance)
    process_batch = _blocking(PointguardClient.process_batch)
    process_batch_items = _blocking(PointguardClient.process_batch_items)
    process_batch_columns = _blocking(PointguardClient.process_batch_columns)
    check_advice = _blocking(PointguardClient.check_advice)
    enroll_member = _blocking(PointguardClient.enroll_member)
    find_member = _blocking(PointguardClient.find_member)
    link_identifier = _blocking(PointguardClient.link_identifier)
    replace_card = _blocking(PointguardClient.replace_card)
    update_member = _blocking(PointguardClient.update_member)
    set_redemption_lock = _blocking(PointguardClient.set_redemption_lock)

    def stream(
        self, *, in_flight_max: int = IN_FLIGHT_MAX, silence_seconds_max: float = SILENCE_SECONDS_MAX
    ) -> "SyncTransactionStream":
        """Return a stream of requests over one connection, to be used by `with`; limits as in `PointguardClient`."""
        stream = self._client.stream(in_flight_max=in_flight_max, silence_seconds_max=silence_seconds_max)
        return SyncTransactionStream(self._thread, stream)


class SyncTransactionStream:
    """A `TransactionStream` for threads: `send` waits for room and returns a `concurrent.futures.Future`."""

    def __init__(self, thread: _LoopThread, stream: TransactionStream) -> None:
        self._thread = thread
        self._stream = stream

    def __enter__(self) -> Self:
        self._thread.run(self._stream.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.run(self._stream.__aexit__(kind, error, traceback))

    def close(self) -> None:
        """Send nothing more, and return when all that was sent is answered; raises as that of `TransactionStream`."""
        self._thread.run(self._stream.close())

    @overload
    def send(self, request: requests.AuthoriseRedemption) -> Future[results.Redemption]: ...
    @overload
    def send(self, request: requests.CaptureRedemption) -> Future[results.Capture]: ...
    @overload
    def send(self, request: requests.VoidRedemption) -> Future[results.Void]: ...
    @overload
    def send(self, request: requests.ExtendReservation) -> Future[results.Extension]: ...
    @overload
    def send(self, request: requests.Accrue) -> Future[results.Accrual]: ...
    @overload
    def send(self, request: requests.ReturnTransaction) -> Future[results.Return]: ...

    @overload
    def send(self, request: requests.TransferPoints) -> Future[results.Transfer]: ...

    @overload
    def send(self, request: requests.RedeemHousehold) -> Future[results.HouseholdRedemption]: ...
    def send(self, request: requests.BatchRequest) -> Future[Any]:
        """Send a request as soon as there is room; return its answer to come. Raises as `TransactionStream` does."""
        answer: Future[Any] = Future()
        self._thread.run(self._send(request, answer))
        return answer

    async def _send(self, request: requests.BatchRequest, answer: Future[Any]) -> None:
        pending: asyncio.Future[Any] = await self._stream.send(request)
        pending.add_done_callback(lambda settled: _hand_over(settled, answer))


def _hand_over(settled: asyncio.Future[Any], answer: Future[Any]) -> None:
    if settled.cancelled():
        answer.cancel()
        answer.set_running_or_notify_cancel()
    elif not answer.set_running_or_notify_cancel():
        return
    elif error := settled.exception():
        answer.set_exception(error)
    else:
        answer.set_result(settled.result())


async def _call(make: Callable[[], Answer]) -> Answer:
    return make()


async def _next(items: AsyncGenerator[Answer]) -> Answer | None:
    return await anext(items, None)


async def _nothing() -> None:
    pass
