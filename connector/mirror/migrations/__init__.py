"""The schema's revisions, oldest first; `state` runs those that a database lacks."""
