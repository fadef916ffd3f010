"""`GET /api/drift` and `GET /api/report` on a functions host, before and after a sweep."""

from __future__ import annotations

import pytest

from tests.app.conftest import Contoso
from tests.app.hosting import environment_of, hosting
from tests.drift.test_sweep import SCHEMA, reachable_cluster, sweep


async def test_newest_report_is_answered_as_data_as_text_and_as_a_page(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reachable_cluster(contoso)
    async with hosting(monkeypatch, environment_of(contoso), queues=False) as hosted:
        async with hosted.http.get("/api/drift") as answer:
            assert (answer.status, answer.content_type) == (404, "application/problem+json")
        async with hosted.http.get("/api/report") as answer:
            assert (answer.status, answer.content_type) == (404, "text/html")
            assert "0 */15 * * * *" in await answer.text()

        report = (await sweep(contoso)).as_data()

        async with hosted.http.get("/api/drift") as answer:
            data = await answer.json()
            SCHEMA.validate(data)
            assert (answer.status, data["sweep"]) == (200, report["sweep"])
        async with hosted.http.get("/api/drift", params={"format": "md"}) as answer:
            assert "1 cluster (1 reachable), nothing to do" in await answer.text()
        async with hosted.http.get("/api/report", params={"code": "a-secret-key"}) as answer:
            page = await answer.text()
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "The one cluster is reachable" in page
            assert "aks-1" in page
            assert "a-secret-key" not in page
