"""The report page in a real browser, at three clusters and at five hundred."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.report_page.conftest import Show
from tests.report_page.reports import HOSTILE, make_report

INTRUDE = """() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'owned'";
    const image = new Image();
    image.src = "https://elsewhere.example/x.png";
    document.body.append(script, image);
}"""
SIZES = pytest.mark.parametrize(("clusters", "spokes"), [(3, 2), (24, 5), (500, 25)])


@SIZES
async def test_nothing_is_asked_for_and_nothing_is_complained_of(show: Show, clusters: int, spokes: int) -> None:
    shown = await show(make_report(clusters=clusters, spokes=spokes))
    assert await shown.page.locator("svg .cluster").count() == clusters
    assert shown.complaints == []
    assert shown.requests == []


async def test_policy_really_forbids_what_is_not_ours(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    await shown.page.evaluate(INTRUDE)
    assert await shown.page.title() == "aks-hublink: 2 of 3 clusters reachable"
    for kind in ("script", "elsewhere.example"):
        assert any("Content Security Policy" in text and kind in text for text in shown.complaints)


@SIZES
async def test_no_two_things_overlap(show: Show, clusters: int, spokes: int) -> None:
    shown = await show(make_report(clusters=clusters, spokes=spokes))
    marks = await shown.page.eval_on_selector_all(
        "svg .cluster > rect",
        "items => items.map(i => { const b = i.getBBox(); return [b.x, b.y, b.width, b.height]; })",
    )
    boxes = await shown.page.eval_on_selector_all(
        "svg .vnet > rect, svg .hub > rect:not(.firewall)",
        "items => items.map(i => { const b = i.getBBox(); return [b.x, b.y, b.width, b.height]; })",
    )
    view = (await shown.page.locator("svg").get_attribute("viewBox") or "").split()
    assert len(marks) == clusters
    assert _overlaps(marks) == []
    assert _overlaps(boxes) == []
    for x, y, width, height in boxes:
        assert x >= 0
        assert x + width <= float(view[2])
        assert y + height <= float(view[3])
    for x, y, width, height in marks:
        assert any(x >= a and y >= b and x + width <= a + c and y + height <= b + d for a, b, c, d in boxes)


def _overlaps(rectangles: list[list[float]]) -> list[tuple[list[float], list[float]]]:
    found = []
    for number, one in enumerate(rectangles):
        for other in rectangles[number + 1 :]:
            apart = (
                one[0] + one[2] <= other[0]
                or other[0] + other[2] <= one[0]
                or one[1] + one[3] <= other[1]
                or other[1] + other[3] <= one[1]
            )
            if not apart:
                found.append((one, other))
    return found


@pytest.mark.parametrize("width", [420, 1440])
async def test_page_never_scrolls_sideways(show: Show, width: int) -> None:
    shown = await show(make_report(clusters=24, spokes=5), width=width)
    assert await shown.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_hostile_names_are_text(show: Show) -> None:
    report = make_report(clusters=12, spokes=2, hostile=True)
    shown = await show(report)
    assert "owned" not in await shown.page.title()
    assert await shown.page.locator("img").count() == 0
    assert any(HOSTILE in text for text in await shown.texts("#findings-table tbody td"))
    assert any("owned" in text for text in await shown.texts("#clusters-table tbody th"))
    assert shown.complaints == []


async def test_findings_are_sorted_by_a_click_and_back(show: Show) -> None:
    shown = await show(make_report(clusters=30, spokes=3))
    resources = "#findings-table tbody tr td:nth-child(3)"
    button = shown.page.locator("#findings-table thead th:nth-child(3) button")
    await button.click()
    rising = await shown.texts(resources)
    assert await shown.page.locator("#findings-table th[aria-sort]").get_attribute("aria-sort") == "ascending"
    await button.press("Enter")
    falling = await shown.texts(resources)
    assert rising == ["aks-1", "aks-11", "aks-21", "vnet-hub"]
    assert falling == rising[::-1]


async def test_findings_are_filtered_by_words_and_severity(show: Show) -> None:
    shown = await show(make_report(clusters=30, spokes=3))
    form = shown.page.locator("form[data-table=findings-table]")
    rows = shown.page.locator("#findings-table tbody tr:visible")
    await form.locator("select").select_option("warning")
    assert await rows.count() == 1
    await form.locator("select").select_option("")
    await form.locator("input").fill("unreachable aks-21")
    assert await rows.count() == 1
    assert "1 of 4" in await form.locator(".shown").inner_text()


async def test_filter_of_clusters_dims_the_others_in_the_picture(show: Show) -> None:
    shown = await show(make_report(clusters=60, spokes=6))
    await shown.page.locator("form[data-table=clusters-table] input").fill("vnet-spoke-3")
    assert await shown.page.locator("#clusters-table tbody tr:visible").count() == 10
    assert await shown.page.locator("svg .cluster:not(.faint)").count() == 10


async def test_hover_shows_links_routes_and_rule(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    await shown.page.locator("svg .cluster.unreachable").hover()
    panel = await shown.page.locator("#panel").inner_text()
    for words in ("aks-1", "DNS_ZONE_NOT_LINKED", "vnet-hub: completed", "aks-nodes → 10.0.1.4", "aks-aks-1"):
        assert words in panel


async def test_picture_is_walked_with_the_arrow_keys(show: Show) -> None:
    shown = await show(make_report(clusters=3, spokes=2))
    await shown.page.locator("svg .cluster").first.focus()
    seen = []
    for _ in range(3):
        seen.append(await shown.page.evaluate("document.activeElement.getAttribute('aria-label')"))
        await shown.page.keyboard.press("ArrowRight")
    assert {text.split(",")[0] for text in seen} == {"aks-0", "aks-1", "aks-2"}
    assert await shown.page.locator("svg .cluster[tabindex='0']").count() == 1


async def test_text_table_says_what_the_picture_says(show: Show) -> None:
    report = make_report(clusters=60, spokes=6)
    shown = await show(report)
    names = await shown.texts("#clusters-table tbody th")
    verdicts = await shown.texts("#clusters-table tbody td:nth-child(2) .badge")
    told = {name.split("\n")[0]: verdict.split()[-1] for name, verdict in zip(names, verdicts, strict=True)}
    drawn = await shown.page.eval_on_selector_all(
        "svg .cluster", "items => items.map(i => i.getAttribute('aria-label'))"
    )
    expected = {entry["id"].rsplit("/", 1)[-1]: entry["verdict"] for entry in report["network"]["clusters"]}
    assert told == expected
    assert {text.split(",")[0]: text.split(",")[1].strip() for text in drawn} == expected
    ranks = [["unreachable", "ambiguous", "reachable"].index(verdict.split()[-1]) for verdict in verdicts]
    assert all(one <= other for one, other in pairwise(ranks))


async def test_without_scripts_all_is_there(show: Show) -> None:
    shown = await show(make_report(clusters=12, spokes=2), scripts=False)
    assert await shown.page.locator("#clusters-table tbody tr:visible").count() == 12
    assert await shown.page.locator("form.filters:visible").count() == 0
    await shown.page.locator(".why details summary").first.click()
    assert await shown.page.locator(".why .steps:visible").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "1 of 3 clusters cannot be reached"),
        ({"power": "Stopped", "code": "CLUSTER_STOPPED"}, "Every running cluster is reachable"),
    ],
)
async def test_headline_answers_the_question(show: Show, change: dict[str, str], words: str) -> None:
    report = make_report(clusters=3, spokes=2)
    report["network"]["clusters"][1].update(change)
    shown = await show(report)
    assert words in await shown.page.locator("#headline").inner_text()


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
