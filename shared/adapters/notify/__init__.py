"""Where alerts go: Slack, PagerDuty, or several sinks at once."""
