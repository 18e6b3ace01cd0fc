"""The files of `config/`: YAML, its keys, its errors with their place, and the values of the core that they become."""
