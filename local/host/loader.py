"""Loads the functions of a ``function_app.py`` through azure-functions' own registration."""

import importlib.util
import inspect
import json
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func
from azure.functions.meta import get_binding_registry

from local.host.errors import HostError
from local.host.settings import is_disabled

SUPPORTED_TRIGGERS = frozenset({"httpTrigger", "eventGridTrigger", "queueTrigger", "timerTrigger"})
SUPPORTED_OUTPUTS = frozenset({"http", "queue"})


@dataclass(frozen=True, kw_only=True)
class LoadedFunction:
    """One function, as the host sees it.

    ``trigger``, ``outputs`` and ``bindings`` hold what function.json would hold: plain JSON with camel-case names.
    """

    name: str
    trigger: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]
    bindings: tuple[Mapping[str, Any], ...]
    call: Callable[..., Any]
    is_async: bool
    wants_context: bool
    disabled: bool

    @property
    def trigger_type(self) -> str:
        """The trigger's binding type, ``queueTrigger`` for example."""
        return str(self.trigger["type"])


def load_functions(app_dir: Path, environment: Mapping[str, str]) -> tuple[LoadedFunction, ...]:
    """Import ``function_app.py`` and describe every function that its ``app`` has registered.

    Args:
        app_dir: The folder of the function app; it becomes importable, as in the Python worker.
        environment: Settings; decides which functions are disabled.

    Raises:
        HostError: There is no app, or a function cannot run here.
    """
    app = _find_app(_import_function_app(app_dir))
    functions = tuple(_describe(function, environment) for function in app.get_functions())
    if not functions:
        raise HostError(resource=str(app_dir), cause="has no functions.", fix="Register them on 'app'.")
    return functions


def _import_function_app(app_dir: Path) -> ModuleType:
    path = app_dir / "function_app.py"
    if not path.is_file():
        raise HostError(resource=str(path), cause="does not exist.", fix="Point --app-dir at the function app.")
    if str(app_dir) not in sys.path:
        sys.path.insert(0, str(app_dir))
    spec = importlib.util.spec_from_file_location("function_app", path)
    if spec is None or spec.loader is None:
        raise HostError(resource=str(path), cause="cannot be imported.", fix="Check the file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    spec.loader.exec_module(module)
    return module


def _find_app(module: ModuleType) -> func.FunctionApp:
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        raise HostError(
            resource="function_app.py",
            cause=f"holds {len(apps)} FunctionApp objects at module level.",
            fix="Create exactly one, named 'app'.",
        )
    return apps[0]


def _describe(function: func.Function, environment: Mapping[str, str]) -> LoadedFunction:
    name = str(function.get_function_name())
    bindings = tuple(json.loads(binding) for binding in function.get_raw_bindings())
    trigger = next(binding for binding in bindings if str(binding["type"]).endswith("Trigger"))
    outputs = tuple(binding for binding in bindings if binding is not trigger)
    _check_bindings(name, trigger, outputs)
    call = function.get_user_function()
    parameters = inspect.signature(call).parameters
    _check_parameters(name, call, trigger, outputs)
    return LoadedFunction(
        name=name,
        trigger=trigger,
        outputs=outputs,
        bindings=bindings,
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        wants_context="context" in parameters and trigger["name"] != "context",
        disabled=is_disabled(name, environment),
    )


def _check_bindings(name: str, trigger: Mapping[str, Any], outputs: tuple[Mapping[str, Any], ...]) -> None:
    unknown = {str(trigger["type"])} - SUPPORTED_TRIGGERS
    unknown |= {str(binding["type"]) for binding in outputs} - SUPPORTED_OUTPUTS
    if unknown:
        raise HostError(
            resource=f"function {name}",
            cause=f"has bindings that this host does not run: {', '.join(sorted(unknown))}.",
            fix="Run it with Azure Functions Core Tools.",
        )


def _check_parameters(
    name: str, call: Callable[..., Any], trigger: Mapping[str, Any], outputs: tuple[Mapping[str, Any], ...]
) -> None:
    bound = {str(trigger["name"])} | {str(binding["name"]) for binding in outputs} - {"$return"}
    declared = set(inspect.signature(call).parameters)
    if bound - declared or declared - bound - {"context"}:
        raise HostError(
            resource=f"function {name}",
            cause=f"takes {sorted(declared)} but its bindings are named {sorted(bound)}.",
            fix="Give every binding a parameter of its name (arg_name), and no others.",
        )
    annotation = typing.get_type_hints(call).get(str(trigger["name"]))
    converter: Any = get_binding_registry().get(trigger["type"])
    if isinstance(annotation, type) and not converter.check_input_type_annotation(annotation):
        raise HostError(
            resource=f"function {name}",
            cause=f"annotates '{trigger['name']}' as {annotation.__name__}, which {trigger['type']} cannot give.",
            fix="Use the type that azure.functions has for this trigger.",
        )
