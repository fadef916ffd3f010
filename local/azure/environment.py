"""What the app must be told to talk to the local Azure instead of the real one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.azure.server import IDENTITY_HEADER

READY_FILE = "azure.json"


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where a local Azure listens, as its ready file says. `ca` is a path, `seed` what the seed answered."""

    base_url: str
    ca: str
    pid: int
    seed: dict[str, Any]


def app_environment(base_url: str, ca: Path | str) -> dict[str, str]:
    """Variables for the app. `SSL_CERT_FILE` must be set before Python starts: aiohttp reads it at import."""
    return {
        "ARM_ENDPOINT": base_url,
        "DRIFT_TOPIC_ENDPOINT": f"{base_url}/api/events",
        "IDENTITY_ENDPOINT": f"{base_url}/msi/token",
        "IDENTITY_HEADER": IDENTITY_HEADER,
        "SSL_CERT_FILE": str(ca),
    }


def write_ready(folder: Path, base_url: str, ca: Path, seed: dict[str, Any]) -> None:
    """Say that the local Azure is ready, in one step: a reader never sees half a file."""
    listening = Listening(base_url=base_url, ca=str(ca.resolve()), pid=os.getpid(), seed=seed)
    part = folder / f"{READY_FILE}.part"
    part.write_text(json.dumps(asdict(listening)), encoding="utf-8")
    part.replace(folder / READY_FILE)


def read_ready(folder: Path) -> Listening | None:
    """What the ready file says; None while there is none."""
    try:
        return Listening(**json.loads((folder / READY_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_settings(path: Path, environment: dict[str, str], settings: dict[str, str]) -> None:
    """Write a `local.settings.json` for the functions host.

    Raises:
        FileExistsError: There is one already; it may hold somebody's work.
    """
    values = {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        **environment,
        **settings,
    }
    with path.open("x", encoding="utf-8") as file:
        json.dump({"IsEncrypted": False, "Values": values}, file, indent=2)
        file.write("\n")
