"""Servers on loopback that answer as real ones were recorded to, and keep what is written."""
