"""How values are spelt on the wire: dialect, instants, contents (behaviour R3, R8)."""
