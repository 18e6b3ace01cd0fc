"""Batches on the ports: started, asked, reported to, closed and published once."""
