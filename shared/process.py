"""The work queues of this process, which is all that an Event Grid function needs.

Loading nothing else keeps cold starts short.
"""

from __future__ import annotations

import asyncio

from shared.azure_clients import make_credential
from shared.clock import SystemClock
from shared.settings import Cloud, StorageSettings, load_storage_settings
from shared.storage.account import StorageAccount
from shared.storage.work import WorkQueues

STORAGE_SUFFIX = {
    Cloud.PUBLIC: "core.windows.net",
    Cloud.CHINA: "core.chinacloudapi.cn",
    Cloud.USGOV: "core.usgovcloudapi.net",
}

_queues: dict[asyncio.AbstractEventLoop, WorkQueues] = {}


def current_queues() -> WorkQueues:
    """The work queues, even while the other settings are wrong: messages are kept until they are right.

    Raises:
        SettingsError: the settings of the storage itself are wrong.
    """
    running = asyncio.get_running_loop()
    if running not in _queues:
        settings = load_storage_settings()
        _queues[running] = WorkQueues(open_storage(settings), SystemClock(settings.time_scale))
    return _queues[running]


def open_storage(settings: StorageSettings) -> StorageAccount:
    """The storage account; by identity when there is no connection string."""
    if settings.storage_connection_string:
        return StorageAccount(connection_string=settings.storage_connection_string)
    return StorageAccount(
        account_name=settings.storage_account_name,
        credential=make_credential(settings, client_id=settings.storage_client_id),
        endpoint_suffix=STORAGE_SUFFIX[settings.azure_cloud],
    )
