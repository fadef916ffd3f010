"""System topics and delivery: from the activity log to the functions host, with Event Grid's retry rules.

Activities arrive synchronously, often from a callback of the simulated clock. They become deliveries at once and HTTP
requests later, in asyncio tasks of their own; all waiting is done on the simulated clock.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import aiohttp

from local.azure.azure import Activity, Azure
from local.azure.event_grid import retry
from local.azure.event_grid.attempts import Attempt, Delivery, EndpointHealth
from local.azure.event_grid.filters import EventSubscription, load_table, subscriptions_for
from local.azure.event_grid.payloads import companions_of, event_for
from local.azure.event_grid.post import Answer, patiently, post
from local.azure.event_grid.retry import TIMED_OUT, Verdict

T = TypeVar("T")
LOG_LENGTH = 50_000
PARALLEL = 100
"""Requests under way at once; for functions Event Grid matches the rate it sends at to what they take."""


class EventGrid:
    """Event Grid of the simulated tenant: one system topic per subscription.

    `minimum_timeout` is in real seconds: on a fast clock 30 simulated seconds would be too short for a real host.
    """

    def __init__(self, azure: Azure, *, seed: int = 0, minimum_timeout: float = 5.0) -> None:
        self._azure = azure
        self._seed = seed
        self.minimum_timeout = minimum_timeout
        self._table = load_table()
        self._sequence = 0
        self._slots = asyncio.Semaphore(PARALLEL)
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.subscriptions: list[EventSubscription] = []
        self.open: dict[Delivery, None] = {}
        self.settled: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self.log: deque[Attempt] = deque(maxlen=LOG_LENGTH)
        self.counts: Counter[str] = Counter()
        self._health: dict[str, EndpointHealth] = {}
        azure.listeners.append(self.publish)
        azure.on_reset.append(self.reset)

    def register(
        self, endpoint: str, subscriptions: Iterable[str], *, echo_filter_app_id: str | None = None
    ) -> list[EventSubscription]:
        """Make (or replace) the event subscriptions of these subscriptions to this endpoint."""
        wanted = {subscription.lower() for subscription in subscriptions}
        self.subscriptions = [
            item for item in self.subscriptions if item.endpoint != endpoint or item.subscription not in wanted
        ]
        for subscription in sorted(wanted):
            self.subscriptions += subscriptions_for(
                endpoint, subscription, table=self._table, echo_filter_app_id=echo_filter_app_id
            )
        return self.subscriptions

    def publish(self, activity: Activity) -> None:
        """Make events of an activity and start their way to the functions that want them."""
        self._sequence += 1
        seed = f"{self._seed}.{self._sequence}"
        for event in [*companions_of(activity, seed=seed), event_for(activity, seed=seed)]:
            self.counts["published"] += 1
            self._route(event)

    def _route(self, event: dict[str, Any]) -> None:
        wanted = [item for item in self.subscriptions if item.matches(event)]
        if not wanted:
            self.counts["filtered"] += 1
            return
        text = f"{event['data']['operationName']} {event['subject']}"
        fault = self._azure.faults.take("event", "", text)
        effect, seconds = (fault.effect, fault.seconds) if fault else ("", 0.0)
        for subscription in wanted:
            for copy in range(2 if effect == "duplicate" else 1):
                delivery = Delivery(event=event, to=subscription, published=self._azure.clock.seconds())
                self.open[delivery] = None
                if effect == "drop":
                    self._drop(delivery, "Fault")
                elif effect in ("hold", "reorder"):
                    delivery.state, delivery.reason = "held", effect
                else:
                    self._wait(delivery, self._azure.latencies.event + copy + seconds)

    def _wait(self, delivery: Delivery, seconds: float) -> None:
        clock = self._azure.clock
        due = max(clock.seconds() + seconds, self.health(delivery.to).delayed_until)
        delivery.due = due
        delivery.timer = clock.call_later(due - clock.seconds(), lambda: self._start(self._attempt(delivery)))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._spawn(work)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name="event-grid-delivery")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _attempt(self, delivery: Delivery) -> None:
        async with self._slots:
            if not self._may_send(delivery):
                return
            delivery.attempts += 1
            delivery.due, number = None, delivery.attempts
            late = self._real(retry.LATE_ANSWER)
            request = self._spawn(post(self._client(), delivery, timeout=late))
            answer = await patiently(request, seconds=self._real(retry.RESPONSE_TIMEOUT))
            self._settle(delivery, number, answer or Answer(verdict=TIMED_OUT))
        if answer is None:
            # An answer within three minutes makes Event Grid try to call the retry off.
            answer = await request
            if answer.verdict.delivered and delivery.state == "pending":
                self._settle(delivery, number, answer)

    def _may_send(self, delivery: Delivery) -> bool:
        now = self._azure.clock.seconds()
        held_back = self.health(delivery.to).delayed_until
        if delivery.state != "pending":
            return False
        if delivery.attempts >= retry.MAX_ATTEMPTS:
            self._drop(delivery, "MaxDeliveryAttemptsExceeded")
        elif now - delivery.published > retry.TIME_TO_LIVE:
            self._drop(delivery, "TimeToLiveExceeded")
        elif held_back > now:
            self._wait(delivery, held_back - now)
        else:
            return True
        return False

    def _real(self, seconds: float) -> float:
        speed = self._azure.clock.speed
        stretch = max(self.minimum_timeout / retry.RESPONSE_TIMEOUT, 1 / speed if speed else 0.0)
        return seconds * stretch

    def _settle(self, delivery: Delivery, number: int, answer: Answer) -> None:
        verdict = answer.verdict
        self._note(delivery, number, answer)
        delivery.last_outcome = verdict.outcome
        health = self.health(delivery.to)
        if verdict.delivered:
            health.failures, health.delayed_until = 0, 0.0
            if delivery.timer:
                delivery.timer.cancel()
            self._close(delivery, "delivered")
            return
        self._fail(delivery, verdict, health)

    def _fail(self, delivery: Delivery, verdict: Verdict, health: EndpointHealth) -> None:
        health.failures += 1
        health.delayed_until = self._azure.clock.seconds() + retry.penalty(health.failures)
        if verdict.wait is None:
            self._drop(delivery, verdict.outcome)
        else:
            self._wait(delivery, retry.wait_after(delivery.attempts, verdict))

    def _drop(self, delivery: Delivery, reason: str) -> None:
        delivery.reason = reason
        self._close(delivery, "dropped")

    def _close(self, delivery: Delivery, state: str) -> None:
        delivery.state, delivery.due = state, None
        self.counts[state] += 1
        self.open.pop(delivery, None)
        self.settled.append(delivery)

    def _note(self, delivery: Delivery, number: int, answer: Answer) -> None:
        self.log.append(
            Attempt(
                at=self._azure.clock.seconds(),
                function=delivery.to.function,
                event_id=delivery.event["id"],
                operation_name=delivery.event["data"]["operationName"],
                subject=delivery.event["subject"],
                number=number,
                outcome=answer.verdict.outcome,
                status=answer.status,
                detail=answer.detail,
            )
        )

    def release(self, *, shuffle: bool = False) -> list[Delivery]:
        """Let held events go, one after the other; those held for reordering (or all, if asked) in another order."""
        held = [delivery for delivery in self.open if delivery.state == "held"]
        if shuffle or any(delivery.reason == "reorder" for delivery in held):
            before = list(held)
            random.Random(self._seed).shuffle(held)
            if held == before:
                held.reverse()
        for delivery in held:
            delivery.state, delivery.reason = "pending", ""
        if held:
            self._start(self._one_by_one(held))
        return held

    async def _one_by_one(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await self._attempt(delivery)

    def health(self, to: EventSubscription) -> EndpointHealth:
        """How the endpoint behind an event subscription does."""
        return self._health.setdefault(to.url, EndpointHealth())

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Never through a proxy. The limit is ours: waiting for a connection would count as the function's time.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False)
        return self._session

    async def idle(self) -> None:
        """Wait until no request is under way. Deliveries that wait for the clock stay pending."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def reset(self) -> None:
        """Forget event subscriptions, deliveries and the log."""
        for task in self._tasks:
            task.cancel()
        self.subscriptions.clear()
        self.open.clear()
        self.settled.clear()
        self.log.clear()
        self.counts.clear()
        self._health.clear()
        self._sequence = 0

    async def close(self) -> None:
        """Stop all requests and close the connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None
