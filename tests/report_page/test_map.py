"""The picture in a real browser: its texts, its details, the walk through it by keyboard, and small screens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.report_page.conftest import Show, Shown
from tests.report_page.reports import make_report

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""All tests share one browser."""

FOCUSED = "document.activeElement.getAttribute('aria-label')?.split(',')[0]"
SPILLED = """() => [...document.querySelectorAll("#map text:not(.end text)")].filter((text) => {
    const box = text.parentElement.querySelector("rect").getBBox();
    const at = text.getBBox();
    const room = box.x + box.width - at.x - (text.matches(".glyph") ? 0 : 4);
    return text.getComputedTextLength() > room || at.x < box.x || at.y < box.y || at.y + at.height > box.y + box.height;
}).map((text) => text.textContent)"""
OUT_OF_VIEW = """() => {
    const { top, left, bottom, right } = document.getElementById("panel").getBoundingClientRect();
    return top < 0 || left < 0 || bottom > innerHeight || right > innerWidth || bottom - top < 100;
}"""
COVERED = """(node) => {
    const [one, other] = [node, document.getElementById("panel")].map((item) => item.getBoundingClientRect());
    return one.left < other.right && one.right > other.left && one.top < other.bottom && one.bottom > other.top;
}"""
LOOK = "node => { const s = getComputedStyle(node.querySelector('rect')); return [s.stroke, s.strokeWidth]; }"


def with_long_names(report: dict[str, Any]) -> dict[str, Any]:
    """The same report with names as long as Azure allows."""
    network = report["network"]
    network["hub"]["id"] += "-of-the-whole-company-in-western-europe-" + "w" * 20
    network["hub"]["firewall"]["state"] = "Updating since this morning, waiting"
    for vnet in network["vnets"]:
        old, vnet["id"] = vnet["id"], vnet["id"] + "-prod-westeurope-platform-aks-MWMWMWMWMWMWMW-001"
        vnet["addressSpace"] = ["10.100.0.0/16", "10.200.0.0/16", "192.168.100.0/24"]
        for cluster in network["clusters"]:
            cluster["vnet"] = vnet["id"] if cluster["vnet"] == old else cluster["vnet"]
    for number, cluster in enumerate(network["clusters"]):
        cluster["id"] = f"{cluster['id'].rsplit('/', 1)[0]}/aks-prod-westeurope-payments-and-settlements-{number}"
    network["vnets"][1]["peering"] = "disconnected"
    network["vnets"][2]["peering"] = "remote not in sync, as Azure says"
    return report


async def focused(shown: Shown, *keys: str) -> list[str]:
    names = []
    for key in keys:
        await shown.page.keyboard.press(key)
        names.append(await shown.evaluate(FOCUSED))
    return names


@pytest.mark.parametrize(("clusters", "spokes"), [(3, 2), (24, 5), (24, 20), (500, 25)])
async def test_no_text_leaves_its_box_however_long_the_names(show: Show, clusters: int, spokes: int) -> None:
    for report in (
        make_report(clusters=clusters, spokes=spokes),
        with_long_names(make_report(clusters=clusters, spokes=spokes)),
    ):
        shown = await show(report)
        assert await shown.evaluate(SPILLED) == []


async def test_names_that_are_cut_still_differ(show: Show) -> None:
    shown = await show(with_long_names(make_report(clusters=500, spokes=25)))
    names = await shown.page.locator("#map .net .name").all_text_contents()
    assert len(set(names)) == len(names) == 26
    shown = await show(with_long_names(make_report(clusters=24, spokes=5)))
    for vnet in await shown.page.locator("#map .vnet").all():
        labels = await vnet.locator(".chip").all_text_contents()
        assert len(set(labels)) == len(labels)
    assert any(
        "…" in label and label.endswith("-17") for label in await shown.page.locator("#map .chip").all_text_contents()
    )


@pytest.mark.parametrize("width", [420, 1440])
async def test_details_are_in_view_and_beside_what_they_are_of(show: Show, width: int) -> None:
    shown = await show(make_report(clusters=500, spokes=25), width=width)
    nodes = shown.page.locator("#map .node")
    for place in (0, 1, 40, 260, 500, await nodes.count() - 1):
        node = nodes.nth(place)
        await node.focus()
        assert await shown.page.locator("#panel").is_visible()
        assert not await shown.evaluate(OUT_OF_VIEW)
    for place in (1, 260, 499):
        node = shown.page.locator("#map .cluster").nth(place)
        await node.hover()
        assert not await shown.evaluate(OUT_OF_VIEW)
        assert not await node.evaluate(COVERED)


async def test_details_show_links_routes_and_rule(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    await shown.page.locator("#map .cluster.unreachable").hover()
    panel = await shown.page.locator("#panel").inner_text()
    for words in (
        "aks-1",
        "DNS_ZONE_NOT_LINKED",
        "does not resolve",
        "completed: vnet-hub",
        "aks-nodes → 10.0.1.4",
        "aks-aks-1",
    ):
        assert words in panel


async def test_screen_reader_hears_a_short_name_and_not_the_details(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    labels = await shown.page.eval_on_selector_all(
        "#map .node", "items => items.map(item => item.getAttribute('aria-label'))"
    )
    assert max(map(len, labels)) < 100
    live = "[role=status] #panel, #panel[role=status], #panel[aria-live], #panel [role=status], #map [aria-describedby]"
    assert await shown.page.locator(live).count() == 0


async def test_hub_and_vnets_can_be_focused_and_tell_peering_and_routes(show: Show) -> None:
    report = make_report(clusters=24, spokes=5)
    report["network"]["vnets"][2]["peering"] = "disconnected"
    shown = await show(report)
    hub = shown.page.locator("#map .hub")
    await hub.focus()
    assert "firewall 10.0.1.4" in await hub.get_attribute("aria-label") or ""
    assert "24 of 24 clusters" in await shown.page.locator("#panel").inner_text()
    vnet = shown.page.locator("#map .vnet[data-key=n2] .net")
    await vnet.focus()
    assert "peering disconnected, 5 clusters, 3 unreachable" in (await vnet.get_attribute("aria-label") or "")
    panel = await shown.page.locator("#panel").inner_text()
    for words in ("vnet-spoke-2", "disconnected", "10.2.0.0/16", "aks-nodes → 10.0.1.4", "3 ✕ unreachable"):
        assert words in " ".join(panel.split())


async def test_peering_that_is_not_connected_is_marked_at_the_vnet_and_in_the_table(show: Show) -> None:
    report = make_report(clusters=500, spokes=25)
    report["network"]["vnets"][3]["peering"] = "missing"
    shown = await show(report)
    box = shown.page.locator("#map .vnet[data-key=n3]")
    assert (await box.locator(".second").text_content() or "").startswith("✕ not peered")
    dashes = "node => getComputedStyle(node).strokeDasharray"
    assert await box.locator(".box").evaluate(dashes) != "none"
    assert await shown.page.locator("#map .peering.off[data-net=n3]").evaluate(dashes) != "none"
    assert await shown.page.locator("#map .peering.off").count() == 1
    row = await shown.page.locator("#networks-table tr#n3").inner_text()
    assert "missing" in row
    healthy = await shown.page.eval_on_selector_all(
        "#map :is(.hub rect, .vnet:not(.off) .box, .peering:not(.off))",
        "items => items.map(item => getComputedStyle(item).strokeDasharray)",
    )
    assert set(healthy) == {"none"}


async def test_arrow_keys_walk_as_the_eye_does(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    await shown.page.locator("#map .vnet[data-key=n1] .cluster").first.focus()
    # Six stand in a row of vnet-spoke-1, in which every 25th cluster is.
    assert await focused(shown, "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp") == [
        "aks-25",
        "aks-175",
        "aks-150",
        "aks-0",
    ]
    assert await focused(shown, "End", "Home") == ["aks-475", "aks-0"]
    assert await focused(shown, "ArrowUp", "ArrowRight", "ArrowDown") == [
        "VNet vnet-spoke-1",
        "VNet vnet-spoke-2",
        "aks-1",
    ]
    assert await focused(shown, "ArrowLeft", "Control+Home", "Control+End") == ["aks-125", "Hub vnet-hub", "aks-499"]
    assert await shown.page.locator("#map .node[tabindex='0']").count() == 1


async def test_everything_in_the_picture_is_reached_by_arrow_keys(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5))
    reached = await shown.evaluate("""() => {
        const seen = new Set([nodes[0]]);
        for (const node of seen)
            for (const key of ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]) {
                const next = neighbour(node, key);
                if (next) seen.add(next);
            }
        return [seen.size, nodes.length];
    }""")
    assert reached[0] == reached[1]


async def test_focus_is_seen(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5))
    for kind in ("hub", "net", "cluster.reachable", "cluster.unreachable"):
        node = shown.page.locator(f"#map .node.{kind}").first
        before = await node.evaluate(LOOK)
        await shown.page.keyboard.press("Tab")  # so that the browser knows of a keyboard
        await node.focus()
        after = await node.evaluate(LOOK)
        assert after[0] != before[0]
        assert after[1] == "4px"


async def test_enter_goes_into_the_details_and_escape_comes_back(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5))
    node = shown.page.locator("#map .cluster").nth(3)
    await node.focus()
    await shown.page.keyboard.press("Enter")
    assert await shown.evaluate("document.activeElement.id") == "panel"
    await shown.page.keyboard.press("Escape")
    assert await node.evaluate("node => node === document.activeElement")
    assert not await shown.page.locator("#panel").is_visible()


async def test_details_that_were_clicked_stay_until_they_are_closed(show: Show) -> None:
    shown = await show(make_report(clusters=24, spokes=5))
    await shown.page.locator("#map .cluster").nth(3).click()
    await shown.page.locator("#map .cluster").nth(9).hover()
    panel = shown.page.locator("#panel")
    assert (await panel.get_attribute("aria-label") or "").startswith("Details of")
    first = await panel.locator("h3").inner_text()
    await shown.page.mouse.move(2, 2)
    assert await panel.is_visible()
    assert await panel.locator("h3").inner_text() == first
    await panel.locator("a", has_text="To its row").click()
    assert not await panel.is_visible()
    assert await shown.page.locator("tr:target").is_visible()


async def test_small_screen_begins_at_the_hub_and_says_that_there_is_more(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25), width=420)
    hub = await shown.page.locator("#map .hub .box").bounding_box()
    assert hub
    assert abs(hub["x"] + hub["width"] / 2 - 210) < 20
    assert await shown.page.locator(".cue").is_visible()
    size = await shown.page.locator("#map .name").first.evaluate("node => node.getBoundingClientRect().height")
    assert size > 10


async def test_wide_screen_shows_the_whole_picture(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    assert not await shown.page.locator(".cue").is_visible()
    assert await shown.evaluate(
        "document.querySelector('.map').scrollWidth <= document.querySelector('.map').clientWidth"
    )
