"""Reading the real world: Resource Manager into the frozen values of `shared.model`. Writes nothing."""
