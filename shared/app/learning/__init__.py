"""The nights of the record are read once a day, and what they teach is kept for the runs that open after it."""
