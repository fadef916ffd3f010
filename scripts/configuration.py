"""`python -m scripts.configuration`: writes docs/configuration.md from the settings model."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from shared.settings import Settings, StorageSettings, setting_name

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

_HEAD = """\
<!-- Written by `make docs` from shared/settings.py; a test compares them. -->

# Configuration

aks-hublink reads its settings from the environment: in Azure from the function app's application settings, on a laptop
from `local.settings.json` (see [local.settings.json.example](../local.settings.json.example), which has them all).

They are read and checked once. If any is wrong, `GET /api/health` answers 503 and names every mistake, never a value;
Event Grid functions go on accepting events, and the messages wait on the queue until the settings are mended. An empty
value counts as unset. Names of settings are not case-sensitive; lists are separated by commas.
"""

_STORAGE = """\

## Storage and identity

Queues, tables and blobs live in the function app's own storage account. In Azure it is reached with the app's identity,
so set `AzureWebJobsStorage__accountName`; `AzureWebJobsStorage` with a connection string is for the laptop. One of the
two is required. There are no other credentials: Azure is called with the app's managed identity.
"""

_PLATFORM = """\

## Read by others

| setting | meaning |
|---|---|
| `FUNCTIONS_WORKER_RUNTIME` | `python`; the functions host reads it. |
| `FUNCTIONS_EXTENSION_VERSION` | `~4`; the functions host in Azure reads it. |
| `IDENTITY_ENDPOINT`, `IDENTITY_HEADER` | Where azure-identity gets tokens. Azure sets them itself. |
| `SSL_CERT_FILE` | Authority of the local Azure; must be set before Python starts. Unset in Azure. |
| `AzureWebJobs.<function>.Disabled` | `true` switches one function off. |
"""


def page() -> str:
    """The whole page, in Markdown."""
    ours = [name for name in Settings.model_fields if name not in StorageSettings.model_fields]
    required = [name for name in ours if Settings.model_fields[name].is_required()]
    optional = [name for name in ours if name not in required]
    parts = [
        _HEAD,
        "\n## Required\n\n",
        _table(required),
        "\n## Optional\n\n",
        _table(optional),
        _STORAGE + "\n",
        _table(list(StorageSettings.model_fields)),
        _PLATFORM,
    ]
    return "".join(parts)


def _table(names: list[str]) -> str:
    rows = [_row(setting_name(name), Settings.model_fields[name]) for name in names]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    # A pipe would end the cell, even between backticks.
    meaning = str(field.description).replace("|", "\\|")
    return f"| `{name}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.is_required():
        return "required"
    if value is None or value == ():
        return "unset"
    if isinstance(value, Enum):
        value = value.value
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} written")


if __name__ == "__main__":
    main()
