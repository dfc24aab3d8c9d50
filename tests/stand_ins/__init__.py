"""Servers on loopback that answer as the real ones were recorded to, and keep what is written."""
