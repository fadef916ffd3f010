"""A real browser: Debian's chromium, headless, without a network of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, async_playwright

from shared.report_page.page import render

ADDRESS = "https://hublink.example/api/report"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOW = datetime(2026, 11, 23, 3, 1, tzinfo=UTC)
CHANGE = {
    "at": "2026-11-23T02:59:30+00:00",
    "kind": "put_route",
    "resource": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/rt/routes/default",
    "cluster": None,
    "reason": "the default route is wrong",
    "result": "done",
    "message": "",
    "askedBy": "detect_drift",
    "correlation": "c",
}


@dataclass(kw_only=True)
class Shown:
    """A page in the browser, what the browser complained of, and what else it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def evaluate(self, script: str) -> Any:
        return await self.page.evaluate(script)

    async def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in await self.page.locator(selector).all_inner_texts()]


Show = Callable[..., Awaitable[Shown]]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Debian's chromium: .ci/run installs it")
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def show(browser: Browser) -> AsyncIterator[Show]:
    """Show the page of a report, as the function would send it."""

    contexts: list[BrowserContext] = []

    async def shown(
        report: dict[str, Any], *, width: int = 1440, scripts: bool = True, dark: bool = False, **more: Any
    ) -> Shown:
        page = render(report, now=NOW, **{"changes": [CHANGE], **more})
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        found = Shown(page=await context.new_page())

        async def answer(route: Route) -> None:
            headers = {"Content-Security-Policy": page.policy, "Content-Type": "text/html; charset=utf-8"}
            await route.fulfill(status=200, headers=headers, body=page.html)

        def complain(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                found.complaints.append(message.text)

        def note(request: Request) -> None:
            if request.url != ADDRESS:
                found.requests.append(request.url)

        await found.page.route("**/*", answer)
        found.page.on("console", complain)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", note)
        await found.page.goto(ADDRESS)
        return found

    yield shown
    for context in contexts:
        await context.close()
