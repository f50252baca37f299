"""`make chaos`: everything is killed, stopped and restarted in turn under load; then the books are checked."""
