"""Servers that answer as a product's recorded ones did, for what cannot be installed here."""
