"""A strict simulation of the parts of Azure that aks-hublink touches, served over HTTPS.

One folder per resource provider: `models.py` holds the rules and the state changes, `responses.py` the HTTP
shapes, `urls.py` the routes. `azure.py` ties the providers to one clock, one store and one event log.
Every duration is in simulated seconds; a speed factor says how many of them pass in a real second.
"""
