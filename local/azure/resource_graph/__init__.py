"""Microsoft.ResourceGraph: one query shape over the whole tenant, a little behind the world."""
