"""Measurements of the app's own computing. Nothing here is a test: a figure depends on the machine it was taken on."""
