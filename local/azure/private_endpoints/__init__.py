"""Microsoft.Network/privateEndpoints: private endpoints, each with a network interface of its own."""
