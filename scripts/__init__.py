"""What developers run: set-up, and pages that are generated from the code. Never shipped with the app."""
