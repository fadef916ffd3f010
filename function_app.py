"""The function app: registers one blueprint per function, and nothing else."""

import azure.functions as func

from functions import (
    allow_api_server,
    attach_route_table,
    backfill,
    detect_drift,
    firewall,
    link_dns_zone,
    openapi,
    reachability,
    reconcile,
    report,
    retire_cluster,
    sync_firewall,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

for module in (
    link_dns_zone,
    allow_api_server,
    attach_route_table,
    retire_cluster,
    reconcile,
    sync_firewall,
    detect_drift,
    report,
    backfill,
    reachability,
    firewall,
    openapi,
):
    app.register_functions(module.blueprint)
