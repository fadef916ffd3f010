"""Carrying out actions: whole-body writes, one at a time where Azure wants it, retried where it helps."""
