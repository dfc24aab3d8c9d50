"""One accounting product a file, each found by its entry point."""
