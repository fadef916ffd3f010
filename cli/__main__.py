"""`python -m cli`: exit code 0 for clean, 2 for drift, 1 for every error, wrong usage included."""

from __future__ import annotations

import sys

import typer

from cli.commands import app
from cli.outcome import ERROR


def main() -> int:
    """Run a command and answer the exit code."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        return ERROR
    except Exception as error:
        # Click's own code for wrong usage is 2, which pipelines would take for drift. Newer typers bring a click of
        # their own, so its errors are told by what they can do.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return ERROR
    return int(code or 0)


if __name__ == "__main__":
    sys.exit(main())
