"""What all Microsoft.Network providers share: how bodies are checked, and how writes are started and answered."""
