"""Can a subnet reach the API server of a cluster, and if not, why? Pure: knows no Azure SDK, no clock, no log."""
