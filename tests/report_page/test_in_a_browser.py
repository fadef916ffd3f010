"""The report page in a real browser, at three clusters and at five hundred: what holds for all of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.report_page.conftest import CHANGE, Show
from tests.report_page.reports import HOSTILE, LIMIT, healthy_report, make_report

pytestmark = pytest.mark.asyncio(loop_scope="session")
"""All tests share one browser."""

INTRUDE = """() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'owned'";
    const image = new Image();
    image.src = "https://elsewhere.example/x.png";
    document.body.append(script, image);
}"""
CONTRASTS = """() => {
    const part = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = (colour) => {
        const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map(part);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one, other) => {
        const [less, more] = [light(one), light(other)].sort((a, b) => a - b);
        return (more + 0.05) / (less + 0.05);
    };
    const ground = (element) => {
        const own = getComputedStyle(element).backgroundColor;
        return /, 0\\)$/.test(own) ? ground(element.parentElement) : own;
    };
    const found = [...document.querySelectorAll("main :is(.badge, .soft, code, td, th, a, h3, b):not(svg *)")]
        .filter((element) => element.textContent.trim())
        .map((element) => [element.outerHTML, contrast(getComputedStyle(element).color, ground(element))]);
    for (const text of document.querySelectorAll("#map text")) {
        const box = text.parentElement.querySelector("rect, circle");
        found.push([text.outerHTML, contrast(getComputedStyle(text).fill, getComputedStyle(box).fill)]);
    }
    return found;
}"""
HUE = """(selector) => {
    const [red, green, blue] = getComputedStyle(document.querySelector(selector)).fill.match(/\\d+/g).map(Number);
    return [red, Math.max(green, blue)];
}"""
SIZES = pytest.mark.parametrize(("clusters", "spokes"), [(3, 2), (24, 5), (500, 25)])


@SIZES
async def test_nothing_is_asked_for_and_nothing_is_complained_of(show: Show, clusters: int, spokes: int) -> None:
    shown = await show(make_report(clusters=clusters, spokes=spokes))
    assert await shown.page.locator("#map .cluster").count() == clusters
    assert shown.complaints == []
    assert shown.requests == []


async def test_policy_really_forbids_what_is_not_ours(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    await shown.page.evaluate(INTRUDE)
    assert await shown.page.title() == "aks-hublink: 2 of 3 clusters reachable"
    for kind in ("script", "elsewhere.example"):
        assert any("Content Security Policy" in text and kind in text for text in shown.complaints)


@pytest.mark.parametrize("width", [420, 1000, 1440])
async def test_page_never_scrolls_sideways(show: Show, width: int) -> None:
    shown = await show(make_report(clusters=24, spokes=5), width=width)
    assert await shown.evaluate("document.documentElement.scrollWidth") <= width
    tables = await shown.page.eval_on_selector_all(
        ".scroll:not(:has(.sweeps-table))", "items => items.map(item => item.scrollWidth - item.clientWidth)"
    )
    assert max(tables) <= 0


async def test_hostile_names_are_text(show: Show) -> None:
    report = make_report(clusters=12, spokes=2, hostile=True)
    report["gaps"] = [HOSTILE]
    report["network"]["vnets"][1]["peering"] = HOSTILE
    shown = await show(report, changes=[{**CHANGE, "reason": HOSTILE}])
    assert "owned" not in await shown.page.title()
    assert await shown.page.locator("img").count() == 0
    for place in ("#findings-table tbody td", "#gaps li", "#networks-table td", ".changes-table td"):
        assert any(HOSTILE in text for text in await shown.texts(place)), place
    assert any("owned" in text for text in await shown.texts("#clusters-table tbody th"))
    await shown.page.locator("#map .cluster").first.focus()
    assert "owned" in await shown.page.locator("#panel").inner_text()
    assert await shown.page.locator("img").count() == 0
    assert shown.complaints == []


@pytest.mark.parametrize("dark", [False, True])
async def test_every_text_has_contrast_and_unreachable_is_red(show: Show, *, dark: bool) -> None:
    report = make_report(clusters=24, spokes=5)
    report["gaps"] = ["A subscription could not be searched."]
    report["network"]["vnets"][2]["peering"] = "missing"
    shown = await show(report, dark=dark)
    assert [found for found in await shown.evaluate(CONTRASTS) if found[1] < 4.5] == []
    red, other = await shown.page.evaluate(HUE, "#map .cluster.unreachable rect")
    assert red > 3 * other


async def test_tables_say_what_the_picture_says(show: Show) -> None:
    report = make_report(clusters=48, spokes=6)
    shown = await show(report)
    names = await shown.texts("#clusters-table tbody th")
    verdicts = await shown.texts("#clusters-table tbody td:nth-child(2) .badge")
    told = {name.split("\n")[0]: verdict.split()[-1] for name, verdict in zip(names, verdicts, strict=True)}
    drawn = await shown.page.eval_on_selector_all(
        "#map .cluster", "items => items.map(i => i.getAttribute('aria-label'))"
    )
    expected = {entry["id"].rsplit("/", 1)[-1]: entry["verdict"] for entry in report["network"]["clusters"]}
    assert told == expected
    assert {text.split(",")[0]: text.split(",")[1].strip() for text in drawn} == expected
    ranks = [["unreachable", "ambiguous", "reachable"].index(verdict.split()[-1]) for verdict in verdicts]
    assert all(one <= other for one, other in pairwise(ranks))


async def test_without_scripts_all_is_there(show: Show) -> None:
    shown = await show(make_report(clusters=120, spokes=6), scripts=False)
    rows = shown.page.locator(".clusters-table tbody tr:visible")
    assert await rows.count() == 12 + 7
    await shown.page.locator("details.rest[data-table=clusters-table] summary").click()
    assert await rows.count() == 120
    assert await shown.page.locator("form.filters:visible").count() == 0
    await shown.page.locator(".why > li > details summary").first.click()
    assert await shown.page.locator(".why .steps:visible").count() == 1


async def test_gaps_stand_at_the_top_and_nothing_is_called_well(show: Show) -> None:
    report = healthy_report(clusters=3, spokes=2)
    report["gaps"] = [f"Subscription {number} could not be searched." for number in range(8)]
    hub = report["network"]["hub"]["id"]
    report["findings"] = [{**LIMIT, "code": "SWEEP_INCOMPLETE", "resource": hub, "fix": "Give the app its role."}]
    shown = await show(report)
    assert "may have missed" in await shown.page.locator("#headline").inner_text()
    assert await shown.page.locator("section.verdict.doubt #gaps li:visible").count() == 5
    box = await shown.page.locator("#gaps").bounding_box()
    assert box
    assert box["y"] < 300
    assert "Give the app its role." in await shown.page.locator("#gaps").inner_text()
    page = await shown.page.locator("main").inner_text()
    assert "as it should be." not in page
    assert "0 findings" in page


async def test_same_reason_is_told_once_with_all_its_clusters(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    groups = shown.page.locator(".why > li")
    assert await groups.count() == 2
    assert await shown.evaluate("document.getElementById('map').getBoundingClientRect().top") < 750
    first = await groups.first.inner_text()
    assert "50 clusters" in first
    assert "and 45 more" in first
    await groups.first.locator(".who summary").click()
    assert await groups.first.locator(".who a:visible").count() == 50


async def test_sections_are_linked_from_a_head_that_stays_in_view(show: Show) -> None:
    shown = await show(make_report(clusters=500, spokes=25))
    nav = shown.page.locator("nav.sections")
    assert await nav.locator("a").count() == 7
    for link in await nav.locator("a").all():
        await link.click()
        target = (await link.get_attribute("href") or "")[1:]
        box = await nav.bounding_box()
        top = await shown.evaluate(f"document.getElementById('{target}').getBoundingClientRect().top")
        assert box
        assert box["y"] >= 0
        assert box["y"] + box["height"] - 1 <= top <= 900


async def test_history_and_changes_are_told(show: Show) -> None:
    sweep = {
        "endedAt": "2026-11-23T02:45:00+00:00",
        "verdicts": {"reachable": 7, "unreachable": 0, "ambiguous": 0},
        "findings": 5,
        "actions": 4,
    }
    shown = await show(make_report(clusters=3, spokes=2), history=[sweep])
    section = await shown.page.locator("section[aria-labelledby=changes]").inner_text()
    assert "2026-11-23 02:45" in section
    assert "set the default route" in section
    assert "detect_drift" in section


async def test_message_of_a_change_and_command_of_a_way_out_are_readable(show: Show) -> None:
    report = make_report(clusters=3, spokes=2)
    report["findings"][-1]["fix"] = f"Run `az network vnet peering sync --ids {HOSTILE}`, then wait."
    change = {**CHANGE, "result": "later", "message": f"{CHANGE['resource']}: Another worker has it. " * 3}
    shown = await show(report, changes=[change])
    command = shown.page.locator("#findings-table td code", has_text="az network")
    assert await command.inner_text() == f"az network vnet peering sync --ids {HOSTILE}"
    row = await shown.page.locator(".changes-table tbody tr").bounding_box()
    assert row
    assert row["height"] < 300


async def test_counts_at_the_top_count_nothing_twice(show: Show) -> None:
    shown = await show(make_report(clusters=30, spokes=3))
    counts = " ".join((await shown.page.locator(".counts").inner_text()).split())
    assert counts == "25 ✓ reachable 3 ✕ unreachable 2 ? ambiguous 4 other findings: 3 being repaired, 1 for you"
