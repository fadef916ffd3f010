"""Worlds to start from: the network of the story, and fleets of clusters."""
