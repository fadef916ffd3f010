"""Microsoft.Resources: resource groups and the status of operations."""
