"""The app's settings as options of every command: flags win over the environment, the environment over `.env`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from dotenv import dotenv_values

from shared.errors import SettingsError
from shared.settings import Settings, load_settings, setting_name

_PANEL = "Settings (also from the environment and .env)"
_SECRET = frozenset({"storage_connection_string"})
_NO_STORAGE = "nostorage"
_STORAGE_VARIABLES = frozenset({"azurewebjobsstorage", "azurewebjobsstorage__accountname"})


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The settings, and whether there is a storage account to remember things in."""

    settings: Settings
    has_storage: bool


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the settings of one command come from: the values of its flags, and the path of its `.env`."""

    flags: dict[str, str]
    env_file: Path

    def load(self) -> Loaded:
        """Read the settings.

        Raises:
            SettingsError: naming every mistake.
        """
        self._read_env_file()
        given = {name.lower() for name, value in os.environ.items() if value}
        has_storage = bool(given & _STORAGE_VARIABLES) or "storage_account_name" in self.flags
        # Reading needs no storage: without one the registry counts as empty.
        values = self.flags if has_storage else {**self.flags, "storage_account_name": _NO_STORAGE}
        return Loaded(settings=load_settings(**values), has_storage=has_storage)

    def _read_env_file(self) -> None:
        if not self.env_file.is_file():
            if self.env_file != Path(".env"):
                raise SettingsError([f"{self.env_file} does not exist"])
            return
        for name, value in dotenv_values(self.env_file).items():
            if value is not None:
                os.environ.setdefault(name, value)


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one flag for each setting; it receives them together as `sources`."""

    def wrapper(**options: Any) -> Any:
        flags = {name: options.pop(name) for name in _setting_fields()}
        env_file = options.pop("env_file")
        set_flags = {name: value for name, value in flags.items() if value is not None}
        return command(sources=Sources(flags=set_flags, env_file=env_file), **options)

    own = [item for item in inspect.signature(command, eval_str=True).parameters.values() if item.name != "sources"]
    parameters = [*own, *(_flag(name) for name in _setting_fields()), _env_file()]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {item.name: item.annotation for item in parameters}
    wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
    return wrapper


def _setting_fields() -> list[str]:
    return [name for name in Settings.model_fields if name not in _SECRET]


def _flag(field: str) -> inspect.Parameter:
    description = (Settings.model_fields[field].description or "").replace("`", "")
    option = typer.Option(f"--{field.replace('_', '-')}", help=f"{setting_name(field)}: {description}", metavar="TEXT")
    option.rich_help_panel = _PANEL
    annotation = Annotated[str | None, option]
    return inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _env_file() -> inspect.Parameter:
    option = typer.Option("--env-file", help="File with settings; the environment wins over it.")
    option.rich_help_panel = _PANEL
    annotation = Annotated[Path, option]
    return inspect.Parameter("env_file", inspect.Parameter.KEYWORD_ONLY, default=Path(".env"), annotation=annotation)
