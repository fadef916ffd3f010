"""Microsoft.Authorization: role assignments at any scope, and the role definitions they give."""
