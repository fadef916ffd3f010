"""A functions host for machines without Azure Functions Core Tools.

It loads ``function_app.py`` through azure-functions' own registration and converters, serves the addresses that
``func start`` serves, and runs queue triggers against a real queue service. Start it with ``python -m local.host``.
"""
