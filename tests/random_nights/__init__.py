"""Random nights: one date's runs with seeded faults, played through the real handlers and checked after every step."""
