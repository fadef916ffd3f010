"""Names of queues, tables and containers; triggers, infra and tests use the same."""

from __future__ import annotations

CONNECTION = "AzureWebJobsStorage"
RECONCILE_QUEUE = "aks-hublink-reconcile"
SYNC_FIREWALL_QUEUE = "aks-hublink-sync-firewall"
BACKFILL_QUEUE = "aks-hublink-backfill"
REGISTRY_TABLE = "akshublinkregistry"
STATE_TABLE = "akshublinkstate"
RUNS_TABLE = "akshublinkruns"
CHANGES_TABLE = "akshublinkchanges"
LOCK_CONTAINER = "aks-hublink-locks"
HISTORY_CONTAINER = "aks-hublink-history"
DRIFT_CONTAINER = "aks-hublink-drift"
RUNS_CONTAINER = "aks-hublink-runs"

QUEUES = (RECONCILE_QUEUE, SYNC_FIREWALL_QUEUE, BACKFILL_QUEUE)
TABLES = (REGISTRY_TABLE, STATE_TABLE, RUNS_TABLE, CHANGES_TABLE)
CONTAINERS = (LOCK_CONTAINER, HISTORY_CONTAINER, DRIFT_CONTAINER, RUNS_CONTAINER)
