"""Microsoft.EventGrid: events of a subscription, made from the activity log and delivered over HTTP."""
