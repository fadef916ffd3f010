"""Exit codes, and how errors are told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

from rich.console import Console

from shared.errors import HublinkError, SettingsError
from shared.problem import ProblemError

CLEAN, ERROR, DRIFT = 0, 1, 2


def run_and_exit(work: Callable[[], Awaitable[int]], *, as_json: bool) -> int:
    """Run a command's work; errors that we know become one clear message and exit code 1."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415  # the help needs no SDK

    try:
        return asyncio.run(_awaited(work))
    except SettingsError as error:
        return _failed("The settings are wrong.", list(error.mistakes), as_json=as_json)
    except ProblemError as error:
        return _failed(error.problem.detail, list(error.problem.mistakes), as_json=as_json)
    except HublinkError as error:
        return _failed(str(error), [], as_json=as_json)
    except AzureError as error:
        return _failed(f"The storage or Azure does not answer: {error}", [], as_json=as_json)


async def _awaited(work: Callable[[], Awaitable[int]]) -> int:
    return await work()


def _failed(message: str, mistakes: list[str], *, as_json: bool) -> int:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[red]Error:[/red]", end=" ")
    console.print(message, markup=False)
    for mistake in mistakes:
        console.print(f"  - {mistake}", markup=False)
    if as_json:
        sys.stdout.write(json.dumps({"error": message, "mistakes": mistakes}) + "\n")
    return ERROR
