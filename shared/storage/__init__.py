"""What the app remembers: queues of work, the registry of API servers, locks, and the history of the firewall."""
