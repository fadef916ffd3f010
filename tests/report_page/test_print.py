"""The page on paper, as the browser prints it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page

from tests.report_page.conftest import CHANGE, Show
from tests.report_page.reports import make_report

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""All tests share one browser."""

A4 = {"width": 703, "height": 1030}
"""What is left of a sheet within the margins, in CSS pixels."""


async def to_paper(page: Page) -> None:
    """Lay the page out as for a printer, and keep it so."""
    await page.set_viewport_size({"width": A4["width"], "height": A4["height"]})
    await page.emulate_media(media="print")
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")


async def test_five_hundred_clusters_take_few_sheets(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25), changes=[CHANGE] * 40)
    paper = await shown.page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) <= 18


async def test_paper_is_light_whatever_the_screen_is(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5), dark=True)
    ink = "getComputedStyle(document.body).color"
    assert await shown.evaluate(ink) == "rgb(232, 237, 243)"
    await to_paper(shown.page)
    assert await shown.evaluate(ink) == "rgb(22, 32, 44)"
    assert (
        await shown.page.locator("#map .net .box").first.evaluate("node => getComputedStyle(node).fill")
        == "rgb(255, 255, 255)"
    )


async def test_picture_and_tables_fit_on_the_sheet(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    await to_paper(shown.page)
    picture = await shown.page.locator("#map").bounding_box()
    assert picture
    assert picture["width"] <= A4["width"]
    assert picture["height"] <= A4["height"]
    assert await shown.evaluate("document.documentElement.scrollWidth") <= A4["width"]
    wide = "items => Math.max(...items.map(item => item.scrollWidth - item.clientWidth))"
    assert await shown.page.eval_on_selector_all(".map, .scroll", wide) <= 0


async def test_only_reachable_clusters_are_left_out_and_that_is_said(show: Show) -> None:
    report = make_report(clusters=900, spokes=60)
    shown = await show(report, changes=[CHANGE] * 40)
    await to_paper(shown.page)
    for name, whole in (("findings", 91), ("clusters", 90 + 48), ("networks", 62), ("changes", 40)):
        assert await shown.page.locator(f"#{name}-table tbody tr:visible").count() == whole
    assert await shown.page.locator("#clusters-table .badge.reachable:visible").count() == 0
    assert "762 reachable clusters are left out" in await shown.page.locator(".printed").inner_text()
    assert await shown.page.locator(".why .steps:visible").count() == 2
    assert await shown.page.locator(":is(.filters, .panel, nav, .foot button):visible").count() == 0


async def test_screen_is_as_before_once_printed(show: Show) -> None:
    shown = await show(make_report(clusters=900, spokes=60))
    await shown.page.pdf(format="A4")
    await shown.page.emulate_media(media="screen")
    assert await shown.page.locator("#findings-table tbody tr:visible").count() == 50
    assert await shown.page.locator("details[open]").count() == 0
    assert await shown.page.locator("#findings-table thead button").count() == 5


async def test_without_scripts_paper_has_what_is_folded_away(show: Show) -> None:
    shown = await show(make_report(clusters=900, spokes=60), scripts=False)
    await shown.page.emulate_media(media="print")
    assert await shown.page.locator(".findings-table tbody tr:visible").count() == 91
    assert await shown.page.locator(".clusters-table tbody tr:visible").count() == 50
