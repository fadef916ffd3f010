"""The firewall writer against the local Azure, with long-running operations on scaled time."""
