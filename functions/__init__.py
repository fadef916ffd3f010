"""One file per function: read the trigger, call `shared`, answer."""
