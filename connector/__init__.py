"""Relance: payment reminders beside the firm's own accounting software."""
