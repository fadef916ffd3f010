"""The page of findings and the code agree."""

from __future__ import annotations

import re
from pathlib import Path

from shared.plan.finding import Code

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_page_explains_every_code_once_and_no_other() -> None:
    listed = [row[0] for row in ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert sorted(listed) == sorted(str(code) for code in Code)


def test_every_row_says_severity_meaning_and_fix() -> None:
    for code, severity, meaning, fix in ROW.findall(PAGE.read_text(encoding="utf-8")):
        assert re.match(r"(error|warning|info)\b", severity), code
        assert meaning.endswith("."), code
        assert fix.strip(), code
