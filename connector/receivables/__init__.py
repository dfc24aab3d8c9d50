"""The words and the arithmetic of what customers owe. Pure: no clock, no network, no database."""
