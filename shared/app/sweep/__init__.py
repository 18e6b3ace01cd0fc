"""The sweep that runs every minute: decide, repair, alert, close (behaviour 9)."""
