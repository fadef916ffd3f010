"""Plain frozen values: resource ids, scopes and the observed world. Knows no Azure SDK, no clock, no log."""
