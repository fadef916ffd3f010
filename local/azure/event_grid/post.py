"""The HTTP side of a delivery."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from local.azure.event_grid.attempts import Delivery
from local.azure.event_grid.retry import SOCKET_ERROR, TIMED_OUT, Verdict, verdict_on


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the verdict, the HTTP status if there was one, and the body or the error's text."""

    verdict: Verdict
    status: int | None = None
    detail: str = ""


async def post(session: aiohttp.ClientSession, delivery: Delivery, *, timeout: float) -> Answer:  # noqa: ASYNC109
    """Send one event, as a one-element array, and wait `timeout` real seconds for the answer."""
    headers = {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": delivery.to.function.upper().replace("_", "-"),
        "aeg-delivery-count": str(delivery.attempts - 1),
        "aeg-data-version": "2",
        "aeg-metadata-version": "1",
    }
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with session.post(delivery.to.url, json=[delivery.event], headers=headers, timeout=limit) as response:
            detail = "" if response.status < 300 else (await response.text())[:500]
            return Answer(verdict=verdict_on(response.status), status=response.status, detail=detail)
    except TimeoutError:
        return Answer(verdict=TIMED_OUT)
    except (aiohttp.ClientError, OSError) as error:
        return Answer(verdict=SOCKET_ERROR, detail=str(error))


async def patiently(answer: asyncio.Task[Answer], *, seconds: float) -> Answer | None:
    """The answer if it comes in time; the task goes on otherwise."""
    done, _ = await asyncio.wait({answer}, timeout=seconds)
    return answer.result() if done else None
