"""The published schema of the drift report and the one in the OpenAPI document are the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_openapi_describes_the_report_as_the_published_schema_does() -> None:
    published = (ROOT / "docs/schemas/drift-report.json").read_text(encoding="utf-8")
    named = re.sub(r"#/\$defs/(\w+)", lambda found: f"#/components/schemas/Drift{found[1].title()}", published)
    report = json.loads(named)
    del report["$schema"]
    parts = {f"Drift{name.title()}": part for name, part in report.pop("$defs").items()}
    schemas = json.loads((ROOT / "shared/openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]

    assert {name: schemas.get(name) for name in ("DriftReport", *parts)} == {"DriftReport": report, **parts}
