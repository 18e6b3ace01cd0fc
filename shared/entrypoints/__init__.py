"""What each deployed function calls, one module each: what it imports is what its bundle carries."""
