"""What an operator asks for: hold, release, force, backfill, and the same as a rehearsal (behaviour D9)."""
