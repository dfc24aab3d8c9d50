"""The queue of what goes out, each reminder once: reserve, look again, send, settle, recover."""
