"""Names of queues, tables and containers; triggers, infra and tests use the same."""

from __future__ import annotations

CONNECTION = "AzureWebJobsStorage"
RECONCILE_QUEUE = "aks-hublink-reconcile"
SYNC_FIREWALL_QUEUE = "aks-hublink-sync-firewall"
REGISTRY_TABLE = "akshublinkregistry"
STATE_TABLE = "akshublinkstate"
LOCK_CONTAINER = "aks-hublink-locks"
HISTORY_CONTAINER = "aks-hublink-history"

QUEUES = (RECONCILE_QUEUE, SYNC_FIREWALL_QUEUE)
TABLES = (REGISTRY_TABLE, STATE_TABLE)
CONTAINERS = (LOCK_CONTAINER, HISTORY_CONTAINER)
