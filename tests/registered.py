"""The functions that the app registers."""

from __future__ import annotations

from functools import cache

import azure.functions as func

import function_app


@cache
def registered_functions() -> tuple[func.decorators.function_app.Function, ...]:
    """All of them. Asked once in a process: a second `get_functions` finds the names of the first taken."""
    return tuple(function_app.app.get_functions())
