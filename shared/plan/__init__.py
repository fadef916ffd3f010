"""Pure decisions: from an observed world and the settings to an ordered plan. No Azure SDK, no clock, no log."""
