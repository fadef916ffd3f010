"""The local Azure answers in the shapes of recorded Resource Manager traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azure.simulation import run
from tests.local_azure.wire_shapes.replay import differences, explained, replay, tables
from tests.local_azure.wire_shapes.shape import shape_of


@pytest.mark.parametrize("table", tables())
async def test_recorded_exchanges_are_matched_or_their_difference_is_explained(table: str, tmp_path: Path) -> None:
    async with run(folder=tmp_path, speed=0.0) as (azure, certificates):
        found = await replay(azure, table, certificates.ca)
    listed = {difference for difference in explained() if difference.table == table}
    unexplained = [str(difference) for difference in found if difference not in listed]
    assert not unexplained, "\n".join(unexplained)
    gone = [str(difference) for difference in listed if difference not in found]
    assert not gone, "explained but no longer different:\n" + "\n".join(gone)


def test_every_explanation_names_an_existing_table() -> None:
    assert {difference.table for difference in explained()} <= set(tables())


def test_difference_in_status_header_shape_or_state_is_seen() -> None:
    recorded = {"error": {"code": "NotFound", "details": [{"code": "X", "message": "m"}]}, "properties": {"n": 1}}
    step = {"status": 404, "answer_headers": ["etag"], "answer": shape_of(recorded)}
    assert differences(step, 404, {"ETag": "e", "Date": "d"}, recorded) == []
    other = {"error": {"code": "Gone", "details": []}, "properties": {"n": "1"}, "more": None}
    assert differences(step, 410, {"Location": "l"}, other) == [
        "status is 410, recorded 404",
        "header etag is missing",
        "header location is added",
        "body lacks error.details[].code",
        "body lacks error.details[].message",
        "body adds more",
        "body has error.code = Gone, recorded = NotFound",
        "body has properties.n string, recorded number",
    ]
