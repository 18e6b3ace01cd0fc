"""Every port of a simulated world: fakes that keep state and can fail."""
