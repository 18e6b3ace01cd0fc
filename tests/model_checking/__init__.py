"""All interleavings of a few handlers with a crash at any step, on a real store: small scope, nothing left out."""
