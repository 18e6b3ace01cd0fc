"""What a person looks at: the page, the timeline of a run, the daily report, what is ready (behaviour 11)."""
