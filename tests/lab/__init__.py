"""A real Tryton server and a real mail sink, on loopback, for the project's own tests."""
