"""Tables in a real browser: sorted, filtered, and not longer than somebody reads."""

from __future__ import annotations

import pytest

from tests.report_page.conftest import ADDRESS, CHANGE, Show
from tests.report_page.reports import make_report

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""All tests share one browser."""

CLUSTERS = "#clusters-table tbody tr:visible"
FINDINGS = "#findings-table tbody tr:visible"


async def test_findings_are_sorted_by_a_click_and_back(show: Show) -> None:
    shown = await show(make_report(clusters=30, spokes=3))
    resources = "#findings-table tbody tr td:nth-child(3)"
    button = shown.page.locator("#findings-table thead th:nth-child(3) button")
    await button.click()
    rising = await shown.texts(resources)
    assert await shown.page.locator("#findings-table th[aria-sort]").get_attribute("aria-sort") == "ascending"
    await button.press("Enter")
    falling = await shown.texts(resources)
    assert [text.split("…")[0] for text in rising] == ["0000000b", "00000001", "00000015", "vnet-hub"]
    assert falling == rising[::-1]


async def test_findings_are_filtered_by_words_severity_and_repair(show: Show) -> None:
    shown = await show(make_report(clusters=30, spokes=3))
    form = shown.page.locator("form[data-table=findings-table]")
    rows = shown.page.locator(FINDINGS)
    await form.locator("select[name=repair]").select_option("you")
    assert await rows.count() == 1
    await form.locator("select[name=repair]").select_option("")
    await form.locator("select[name=severity]").select_option("error")
    assert await rows.count() == 0
    await form.locator("select[name=severity]").select_option("")
    await form.locator("input").fill("link_missing aks-21")
    assert await rows.count() == 1
    assert "1 of 4 shown" in await shown.page.locator("section[aria-labelledby=findings] .shown").inner_text()


async def test_finding_that_is_repaired_says_how(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    assert (
        "being repaired link the zone"
        in await shown.page.locator("#findings-table tbody tr", has_text="LINK_MISSING").inner_text()
    )
    assert "link the zone" in await shown.page.locator("#repairs li", has_text="1").first.inner_text()


async def test_filter_of_clusters_dims_the_others_in_the_picture(show: Show) -> None:
    shown = await show(make_report(clusters=60, spokes=6))
    bright = shown.page.locator("#map .cluster:not(.faint)")
    assert await bright.count() == 60
    await shown.page.locator("form[data-table=clusters-table] input").fill("vnet-spoke-3")
    assert await shown.page.locator(CLUSTERS).count() == 10
    assert await bright.count() == 10
    await shown.page.locator("form[data-table=clusters-table] input").fill("")
    assert await bright.count() == 60


async def test_large_fleet_is_listed_without_what_is_reachable_until_it_is_asked_for(show: Show) -> None:
    report = make_report(clusters=120, spokes=6)
    shown = await show(report)
    rows = shown.page.locator(CLUSTERS)
    assert await rows.count() == 12 + 7
    assert await rows.locator(".badge.reachable").count() == 0
    section = shown.page.locator("section[aria-labelledby=clusters]")
    assert "19 of 120 shown" in await section.inner_text()
    await section.locator("button", has_text="Show all 120").click()
    assert await rows.count() == 120
    assert await shown.page.locator("#map .cluster.faint").count() == 0


async def test_more_clusters_in_trouble_than_fit_are_asked_for_first(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    rows = shown.page.locator(CLUSTERS)
    more = shown.page.locator("section[aria-labelledby=clusters] .foot button")
    assert await rows.count() == 50
    for words, count in (("Show all 77 not reachable", 77), ("Show all 500", 500)):
        assert await more.inner_text() == words
        await more.click()
        assert await rows.count() == count
    assert not await more.is_visible()


async def test_small_fleet_is_listed_whole(show: Show) -> None:
    shown = await show(make_report(clusters=50, spokes=6))
    assert await shown.page.locator(CLUSTERS).count() == 50


async def test_words_look_for_clusters_that_are_not_listed(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    await shown.page.locator("form[data-table=clusters-table] input").fill("aks-499 reachable")
    assert await shown.page.locator(CLUSTERS).count() == 1


async def test_link_from_the_reasons_leads_to_a_row_that_was_not_shown(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    row = shown.page.locator("#clusters-table tr", has_text="aks-498").first
    assert not await row.is_visible()
    await shown.page.locator(".why .who summary").nth(1).click()
    await shown.page.locator(".why .who a", has_text="aks-498").click()
    box = await row.bounding_box()
    assert box
    assert 0 <= box["y"] < 900


async def test_address_of_a_row_that_is_not_shown_leads_there(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    for row in ("c499", "c7"):
        await shown.page.goto(f"{ADDRESS}#{row}")
        assert await shown.page.locator(f"tr#{row}").is_visible()
        await shown.page.reload()
        assert await shown.page.locator(f"tr#{row}").is_visible()


async def test_long_tables_show_their_first_rows_until_all_are_asked_for(show: Show) -> None:
    shown = await show(make_report(clusters=900, spokes=60), changes=[CHANGE] * 40)
    for name, first, whole in (("findings", 50, 91), ("networks", 50, 62), ("changes", 15, 40)):
        rows = shown.page.locator(f"#{name}-table tbody tr:visible")
        assert await rows.count() == first
        await shown.page.locator(f"section[aria-labelledby={name}] .foot button", has_text=f"Show all {whole}").click()
        assert await rows.count() == whole


async def test_page_of_five_hundred_is_not_endless(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25), changes=[CHANGE] * 40)
    assert await shown.evaluate("document.documentElement.scrollHeight") < 14_000


async def test_subscriptions_are_short_with_the_whole_of_them_at_hand(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    cell = shown.page.locator("#clusters-table tbody th .soft").first
    assert await cell.inner_text() == "00000000…"
    assert len(await cell.get_attribute("title") or "") == 36
    lines = "node => Math.round(node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).lineHeight))"
    heights = [await row.evaluate(lines) for row in await shown.page.locator(CLUSTERS).all()]
    assert max(heights) <= 5


async def test_table_on_a_small_screen_is_a_list_of_cards(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5), width=420)
    assert await shown.page.locator(CLUSTERS).count() == 10
    cell = shown.page.locator("#clusters-table tbody tr:visible td:nth-child(4)").first
    assert "API server" in await cell.evaluate("node => getComputedStyle(node, '::before').content")
    box = await cell.bounding_box()
    assert box
    assert box["width"] > 250
