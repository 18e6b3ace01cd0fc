"""What the nights of the record teach: which of them are ordinary, how long they took, and what follows from that."""
