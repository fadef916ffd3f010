"""Microsoft.Network/routeTables: route tables and their routes."""
