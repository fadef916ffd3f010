"""Azure on your laptop: a strict simulation, a functions host and the demo. Never shipped with the app."""
