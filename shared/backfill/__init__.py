"""Backfill: bring existing clusters in line, as a plan first and then, when it is approved, as a run."""
