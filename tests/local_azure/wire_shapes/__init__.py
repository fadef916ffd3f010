"""Contract tables: what real Resource Manager traffic looks like, and how to compare the local Azure with it."""
