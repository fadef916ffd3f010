"""`python -m scripts.reachability`: writes the codes of docs/reachability.md from the code."""

from __future__ import annotations

from pathlib import Path

from shared.reachability.codes import EXPLANATIONS, Stage

PAGE = Path(__file__).parents[1] / "docs" / "reachability.md"
BEGIN = "<!-- codes: written by `python -m scripts.reachability`; a test compares them -->"
END = "<!-- end of codes -->"


def codes() -> str:
    """The tables of codes, one for each step, in Markdown."""
    return "\n".join(_table(stage) for stage in Stage)


def _table(stage: Stage) -> str:
    rows = [
        f"| `{code}` | {explanation.meaning} | {explanation.fix or '–'} |"  # noqa: RUF001
        for code, explanation in EXPLANATIONS.items()
        if explanation.stage is stage
    ]
    return "\n".join([f"\n### {stage}\n", "| code | meaning | fix |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """The page with its codes as they are now."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{codes()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
