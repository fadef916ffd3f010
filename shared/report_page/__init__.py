"""The report page: one HTML document that shows the network, the verdicts, and what is being repaired."""
