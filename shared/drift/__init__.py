"""Drift: the whole fleet looked at on a timer, suspects confirmed, repairs asked for, and a report of it all.

The event is the accelerator, this is the guarantee: what a lost or late event left undone is found here.
"""
