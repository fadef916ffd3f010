"""What packets do in the simulated network: an oracle that knows nothing of the app and its own answers to them."""
