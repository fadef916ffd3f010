"""The story of a private cluster that becomes reachable, played on the local Azure."""
