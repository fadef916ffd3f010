"""The command line for platform engineers: the app's own loop, in this process, before anything is deployed."""
