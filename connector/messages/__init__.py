"""The wording: fills a plan's reminders with their messages, and writes the notes beside them."""
